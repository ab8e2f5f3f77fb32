"""The JSON of a card from its file: JSON itself, or the text that a PNG picture carries."""

import base64
import binascii
import struct
from collections.abc import Iterator

from bot.errors import UserError
from bot.persona.avatar import picture_format

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORDS = (b"ccv3", b"chara")  # of the chunks, the newer version first
_ARCHIVE = b"PK\x03\x04"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def decode_card(content: bytes) -> str:
    """Return the JSON text of a card's file. Raises `UserError`, and `UnicodeDecodeError` for other bytes."""
    if content.startswith(_SIGNATURE):
        return _text_of_picture(content)
    if picture_format(content) is not None:
        raise UserError("it is a picture without a card: export the character as PNG or JSON")
    if content.startswith(_ARCHIVE):
        raise UserError("it is an archive (.charx): export the character as PNG or JSON")
    return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")


def _text_of_picture(content: bytes) -> str:
    texts = dict(reversed([*_chunks(memoryview(content))]))  # the first chunk of a name counts
    found = next((texts[keyword] for keyword in _KEYWORDS if keyword in texts), None)
    if found is None:
        raise UserError("it is a picture without a card: export the character as PNG or JSON")
    packed = bytes(found).translate(None, b" \t\r\n\x00=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4)).decode("utf-8-sig")
    except (binascii.Error, UnicodeDecodeError):
        raise UserError("the card in the picture is damaged: export the character again") from None


def _chunks(content: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield keyword and text of each tEXt chunk of a card."""
    at = len(_SIGNATURE)
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        body = content[at + 8 : at + 8 + length]
        at += 12 + length
        keyword = bytes(body[:10]).partition(b"\x00")[0].lower()
        if kind == b"tEXt" and keyword in _KEYWORDS and len(body) == length:
            yield keyword, body[len(keyword) + 1 :]
