"""The body of a request: bounded bytes, read in bounded time, as an object of JSON."""

import asyncio
import json
import zlib
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from aiohttp import ClientPayloadError, web

from bot.api.errors import ApiError

MAX_BODY = 16_000_000  # bytes: pictures, which no model here sees, come along in messages
MAX_VALUES = 200_000  # lists, objects and what is in them, each of which costs far more than its bytes
BODY_SECONDS = 30.0  # until a body must be there
_LARGE = 65_536  # bytes, from which a body is parsed off the event loop
Read = TypeVar("Read")


async def read_body(
    request: web.Request, parse: Callable[[dict[str, Any]], Read], *, keeps_null: bool = False
) -> Read:
    """Return what `parse` makes of a request's body, an object of JSON. Raises `ApiError`.

    Fields that are null are left out, unless `keeps_null`.
    """
    body, encoding = await _read_bytes(request), request.headers.get("Content-Encoding", "").strip().lower()
    if len(body) > _LARGE or encoding:
        return await asyncio.to_thread(lambda: parse(_object(_decompressed(body, encoding), keeps_null)))
    return parse(_object(body, keeps_null))


def _object(body: bytes, keeps_null: bool) -> dict[str, Any]:
    """Return the object of JSON."""
    parsed = _parsed(body)
    if not isinstance(parsed, dict):
        raise ApiError(400, "The body is no object of JSON: send one.", code="invalid_json")
    return {name: value for name, value in parsed.items() if keeps_null or value is not None}


async def _read_bytes(request: web.Request) -> bytes:
    if (request.content_length or 0) > MAX_BODY:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_BODY:
                    raise _too_large()
    except TimeoutError:
        raise ApiError(408, "The body did not arrive in time.", code="timeout") from None
    except (ClientPayloadError, web.RequestPayloadError, ConnectionError):
        raise _damaged() from None
    return bytes(body)


def _decompressed(body: bytes, encoding: str) -> bytes:
    """Return a body without its encoding, of which no more than a body may have is ever made."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise ApiError(415, "The body may be compressed by gzip or deflate alone.", code="unknown_encoding")
    reader = zlib.decompressobj(zlib.MAX_WBITS | 32)  # its first bytes tell which of both it is
    try:
        whole = reader.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise _damaged() from None
    if len(whole) > MAX_BODY:
        raise _too_large()
    if not reader.eof:
        raise _damaged()
    return whole


def _damaged() -> ApiError:
    return ApiError(400, "The body is damaged, broken off, or compressed in another way than it says.")


def _too_large() -> ApiError:
    return ApiError(413, f"The body has more than {MAX_BODY:,} bytes.", code="request_too_large")


def _parsed(body: bytes) -> Any:
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        _check_values(text)
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # also text that is no Unicode, and an endless number
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise ApiError(400, f"The body is not valid JSON ({reason}).", code="invalid_json") from None


def _check_values(text: str) -> None:
    """Raise `ApiError` for JSON of too many values; reading them would hold up the whole process."""
    if _count_values(text) <= MAX_VALUES:
        return
    pieces = text.replace("\\\\", "").replace('\\"', "").split('"', 4 * MAX_VALUES)
    if len(pieces) > 4 * MAX_VALUES or _count_values("".join(pieces[::2])) > MAX_VALUES:
        raise ApiError(413, f"The body has more than {MAX_VALUES:,} values.", code="request_too_large")


def _count_values(text: str) -> int:
    """Return a number that values are at most by one more; letters in strings count as well."""
    return sum(map(text.count, "[{,"))


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no number of JSON", "", 0)
