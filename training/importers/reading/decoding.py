"""JSON values out of bytes: typed, with the escapes mended that some exporters get wrong, and one a line."""

import re
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from bot.errors import UserError
from training.importers.reading.source import Source

Element = TypeVar("Element")
VALUE = 64 << 20  # bytes of the longest single value
_LINE = 16 << 20  # bytes of the longest line

# A pair of surrogates stays; one alone cannot be text. tdesktop writes control characters as \x1F.
_ESCAPE = re.compile(
    rb"\\(?:\\|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|u([dD][89a-fA-F][0-9a-fA-F]{2})|x([0-9a-fA-F]{2}))"
)


def lines(source: Source, kind: type[Element]) -> Iterator[Element]:
    """A file of one JSON value a line; raise `UserError` that names the line which is none."""
    decoder, number = msgspec.json.Decoder(kind), 0
    for chunk in _whole_lines(source):
        for line in chunk.split(b"\n"):
            number += 1
            if line.strip():
                try:
                    yield decode(decoder, line)
                except (ValueError, RecursionError) as error:
                    why = reason(error)
                    raise UserError(
                        f"{source}, line {number}, cannot be read ({why}): export it again."
                    ) from None


def _whole_lines(source: Source) -> Iterator[bytes]:
    rest = b""
    for chunk in source.chunks():
        whole, end, tail = (rest + chunk).rpartition(b"\n")
        rest = tail
        if len(rest) > _LINE:
            raise UserError(f"{source} has a line of more than {_LINE >> 20} MB: it is no export.")
        if end:
            yield whole
    yield rest


def decode(decoder: "msgspec.json.Decoder[Element]", text: bytes) -> Element:
    """Decode, and where that fails once more with the escapes mended that some exporters get wrong."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        mended = _ESCAPE.sub(_mend, text)
        if mended == text:
            raise
        return decoder.decode(mended)


def _mend(found: "re.Match[bytes]") -> bytes:
    if found[1]:
        return b"\\ufffd"
    return b"\\u00" + found[2] if found[2] else found[0]


def reason(error: Exception) -> str:
    """Why a text could not be decoded, in a few words."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return str(error).removeprefix("JSON is malformed: ").partition(" (byte")[0]
