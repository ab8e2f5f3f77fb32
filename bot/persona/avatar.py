"""Avatars: a picture in the persona's folder, or a public one on the web."""

from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import UserError

PICTURE_NAMES = (
    "avatar.png",
    "avatar.jpg",
    "avatar.jpeg",
    "avatar.webp",
    "avatar.gif",
)  # taken without a key
_LIMIT = 8 << 20  # bytes
_KINDS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff", "gif": b"GIF8"}


def picture_format(data: bytes) -> str | None:
    """Return the format of a picture from its first bytes; None for a format that no platform takes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((name for name, magic in _KINDS.items() if data.startswith(magic)), None)


def check_picture(path: Path) -> Path:
    """Return the path of a usable picture. Raises `UserError` with the fault and the remedy."""
    try:
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            raise UserError(f"{path} is missing: put a picture there, or drop the key `avatar`")
        if size > _LIMIT:
            raise UserError(f"the picture {path} has more than {_LIMIT:,} bytes: make it smaller")
        with path.open("rb") as file:
            if picture_format(file.read(16)) is None:
                raise UserError(f"{path} is no picture: use PNG, JPEG, WebP or GIF")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return path


def check_picture_url(url: str) -> str:
    """Return an https address for platforms to fetch, or an empty one. Raises `UserError` for any other."""
    parts = urlsplit(url)
    if url and (parts.scheme != "https" or "." not in (parts.hostname or "") or parts.username is not None):
        raise UserError(f"avatar_url is not a public address: write https://host/picture.png, not {url!r}")
    return url
