"""The mails of a file, one after the other in bounded memory: an mbox holds many, any other file one."""

import re
from collections.abc import Iterator

from training.importers.reading.source import Source
from training.importers.texts.mail.headers import is_field
from training.importers.texts.mail.parts import Mail

_LONGEST_LINE = 1 << 20  # bytes: a longer one is parted
_BEGINNING = b"From "
_LONGEST_BEGINNING = 300  # bytes of the line between two mails
_MASKED = re.compile(rb">++From ")
_FIELDS = frozenset(
    b"date message-id received subject mime-version return-path delivered-to to content-type".split()
)
_LEAST_FIELDS = 2  # beside From


def is_mail_head(raw: bytes) -> bool:
    """Return whether a file begins with a mail: a header with From and others, an mbox's line before it."""
    lines = raw.lstrip(b"\r\n").split(b"\n")
    if lines[0].startswith(_BEGINNING):
        if not _is_separator(lines[0]):
            return False
        del lines[0]
    names = set[bytes]()
    for line in lines:
        line = line.rstrip(b"\r")
        if not line:
            break
        if line[:1] not in (b" ", b"\t"):
            if not is_field(line):
                return False
            names.add(line.partition(b":")[0].lower())
    return b"from" in names and len(names & _FIELDS) >= _LEAST_FIELDS


def read_mails(source: Source) -> Iterator[Mail]:
    """Yield each mail when all of its lines are read."""
    mail, held, is_blank, is_box, is_first = Mail(), b"", True, False, True
    for line in _lines(source):
        if is_first:
            if not line:
                continue
            is_box, is_first = line.startswith(_BEGINNING), False
            if is_box:
                continue
        if held:
            if is_field(line):
                yield mail
                mail = Mail()
            else:
                mail.add_line(held)
            held = b""
        if is_box and is_blank and line.startswith(_BEGINNING) and _is_separator(line):
            held, is_blank = line, False
            continue
        is_blank = not line
        if is_box and _MASKED.match(line):
            line = line[1:]
        mail.add_line(line)
    if not is_first:
        yield mail


def _is_separator(line: bytes) -> bool:
    """Return whether a line that begins with "From " ends in a year or a zone, or has nothing behind it."""
    words = line[len(_BEGINNING) :].split()
    last = words[-1].lstrip(b"+-") if words else b"0000"
    return len(line) <= _LONGEST_BEGINNING and len(last) == 4 and last.isdigit()


def _lines(source: Source) -> Iterator[bytes]:
    """Yield the lines without their ends, whatever their encoding is."""
    rest, length = list[bytes](), 0
    for chunk in source.chunks():
        first, *others = chunk.split(b"\n")
        rest.append(first)
        length += len(first)
        if others:
            yield b"".join(rest).removesuffix(b"\r")
            yield from (line.removesuffix(b"\r") for line in others[:-1])
            rest, length = others[-1:], len(others[-1])
        if length > _LONGEST_LINE:
            yield b"".join(rest)
            rest, length = [], 0
    if length:
        yield b"".join(rest).removesuffix(b"\r")
