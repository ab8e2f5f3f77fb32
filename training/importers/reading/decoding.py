"""JSON bytes as typed values, also with the wrong escapes of some exporters, and JSON Lines."""

import re
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from bot.errors import UserError
from bot.json_fault import fault_byte
from training.importers.reading.source import Source

Element = TypeVar("Element")
VALUE_LIMIT = 64 << 20  # bytes of one value
_LINE_LIMIT = 16 << 20  # bytes of one line

# Groups: 1 a lone surrogate, 2 the two digits of \x1F, as tdesktop writes control characters
# (export_output_json.cpp, seen at commit 929032d). A surrogate pair and an escaped backslash match neither.
_ESCAPE = re.compile(
    rb"\\(?:\\|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|u([dD][89a-fA-F][0-9a-fA-F]{2})|x([0-9a-fA-F]{2}))"
)


def read_json_lines(source: Source, kind: type[Element], comment: bytes = b"") -> Iterator[Element]:
    """Yield the value of each line that is not blank and does not begin with the sign of a comment.

    Raises UserError naming the first broken line.
    """
    decoder, number = msgspec.json.Decoder(kind), 0
    for chunk in _whole_lines(source):
        for line in chunk.split(b"\n"):
            number += 1
            if line.strip() and not (comment and line.startswith(comment)):
                try:
                    yield decode_json(decoder, line)
                except (ValueError, RecursionError) as error:
                    reason, at = decode_error(error), fault_byte(error)
                    column = f", column {len(line[:at].decode('utf-8', 'replace')) + 1:,}" if at else ""
                    raise UserError(
                        f"{source}, line {number:,}{column}, cannot be read ({reason}): export it again."
                    ) from None


def _whole_lines(source: Source) -> Iterator[bytes]:
    rest, length = list[bytes](), 0
    for chunk in source.chunks():
        lines, end, tail = chunk.rpartition(b"\n")
        if end:
            yield b"".join((*rest, lines))
            rest, length = [], 0
        rest.append(tail)
        length += len(tail)
        if length > _LINE_LIMIT:
            raise UserError(f"{source} has a line of more than {_LINE_LIMIT >> 20} MB: it is no export.")
    yield b"".join(rest)


def decode_json(decoder: "msgspec.json.Decoder[Element]", text: bytes) -> Element:
    """Decode a value; after a syntax error, decode it once more with its escapes repaired.

    Raises msgspec.ValidationError for a value of another type, ValueError or RecursionError for broken JSON.
    """
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        repaired = _ESCAPE.sub(_repair, text)
        if repaired == text:
            raise
        return decoder.decode(repaired)


def _repair(escape: "re.Match[bytes]") -> bytes:
    if escape[1]:
        return b"\\ufffd"
    return b"\\u00" + escape[2] if escape[2] else escape[0]


def decode_error(error: Exception) -> str:
    """Return the reason of a failed decode in a few words, without the position that msgspec counts."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return str(error).removeprefix("JSON is malformed: ").partition(" (byte")[0]
