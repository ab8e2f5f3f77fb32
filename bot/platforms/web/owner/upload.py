"""Files that the page sends: bounded while they are read, and never named by the client."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import ClientPayloadError, web

from bot.api.errors import ApiError
from bot.files import create_private
from bot.system import replacing

BINARY = "application/octet-stream"
PATIENCE = 60.0  # seconds without a byte, after which an upload ends
KEPT_FREE = 2 << 30  # bytes of the disk that an upload leaves
_PIECE = 1 << 20  # bytes written at once


async def read_upload(request: web.Request, limit: int) -> bytes:
    """Return a small file. Raises `ApiError` for one of more bytes than `limit`."""
    content = bytearray()
    async for piece in _pieces(request, limit):
        content += piece
    return bytes(content)


async def store_upload(request: web.Request, path: Path, limit: int, kept_free: int = KEPT_FREE) -> int:
    """Write a file to a path of our own, and return its bytes; after an error nothing is left of it.

    Raises `ApiError` for more bytes than `limit`, and where the disk would have less than `kept_free` left.
    """
    size = 0
    file = await asyncio.to_thread(create_private, path)
    try:
        with file:
            async for piece in _pieces(request, limit):
                await asyncio.to_thread(_write, file.write, piece, path, kept_free)
                size += len(piece)
        if not size:
            raise ApiError(400, "The file is empty.", code="empty_file")
    except BaseException:
        replacing.delete(path)
        raise
    return size


def _write(write: Callable[[bytes], object], piece: bytes, path: Path, kept_free: int) -> None:
    if shutil.disk_usage(path.parent).free - len(piece) < kept_free:
        message = f"The disk has no room for this file: {kept_free / 1e9:.0f} GB stay free."
        raise ApiError(507, message, code="disk_full")
    write(piece)


async def _pieces(request: web.Request, limit: int) -> AsyncIterator[bytes]:
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    read, piece = 0, bytearray()
    try:
        while True:
            async with asyncio.timeout(PATIENCE):
                chunk = await request.content.readany()
            read += len(chunk)
            if read > limit:
                raise _too_large(limit)
            piece += chunk
            if piece and (not chunk or len(piece) >= _PIECE):
                yield bytes(piece)
                piece.clear()
            if not chunk:
                return
    except TimeoutError:
        raise ApiError(408, "The file did not arrive in time.", code="timeout") from None
    except (ClientPayloadError, web.RequestPayloadError, ConnectionError):
        raise ApiError(400, "The file broke off on its way: drop it again.", code="broken_off") from None


def _too_large(limit: int) -> ApiError:
    return ApiError(413, f"The file has more than {limit:,} bytes.", code="request_too_large")
