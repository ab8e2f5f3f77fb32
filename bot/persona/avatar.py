"""A persona's face: a picture in its folder, or one that is public on the web."""

from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import UserError

_LIMIT = 8 << 20  # bytes
_NAMES = ("avatar.png", "avatar.jpg", "avatar.jpeg", "avatar.webp", "avatar.gif")
_KINDS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff", "gif": b"GIF8"}


def kind(data: bytes) -> str | None:
    """What kind of picture begins like this; None for what no platform takes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    return next((name for name, magic in _KINDS.items() if data.startswith(magic)), None)


def names() -> tuple[str, ...]:
    """What a picture is called that is taken without being named in persona.toml."""
    return _NAMES


def check(path: Path) -> Path:
    """The path of a picture that can be used; raise `UserError` saying what is wrong with it."""
    try:
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            raise UserError(f"{path} is missing: put a picture there, or drop the key `avatar`")
        if size > _LIMIT:
            raise UserError(f"the picture {path} has more than {_LIMIT:,} bytes: make it smaller")
        with path.open("rb") as file:
            if kind(file.read(16)) is None:
                raise UserError(f"{path} is no picture: use PNG, JPEG, WebP or GIF")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return path


def check_url(url: str) -> str:
    """An address that a platform can fetch the picture from; empty where there is none."""
    parts = urlsplit(url)
    if url and (parts.scheme != "https" or "." not in (parts.hostname or "") or parts.username is not None):
        raise UserError(f"avatar_url is not a public address: write https://host/picture.png, not {url!r}")
    return url
