"""sigtop's texts: blocks of fields and words, or one line for each message ("text-short")."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain, pairwise

from training.importers.chats.sigtop.records import NAMED_OWN, SigtopMessage
from training.importers.reading.bounded_lines import BoundedLines
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import unix_seconds

_FIELD = re.compile(r"(From|Type|Sent|Received|Attachment|Reaction|Edited): (.*)")
_FILE = re.compile(r"(.*) \([^()]*, \d+ bytes\)")
_SHORT = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}|unknown) ([^:\n]{1,200}):(?: (.*))?")
_DETAILS = re.compile(
    r"\[(?:reply to [^\]\n]{1,200} on [\d-]{10} [\d:]{5}|edited|\d{1,4} attachments?"
    r"|(?P<type>[\w-]{1,60}) message)"
    r"(?:, (?:edited|\d{1,4} attachments?))*\](?: |\Z)"
)
_NO_DATE = "without a date"
_NO_NAME = "no filename"
_MOST_FILES = 100


def is_block_text(text: str) -> bool:
    """Return whether a text is a chat in blocks."""
    lines = text.lstrip("\ufeff \r\n").split("\n", 4)
    return (
        len(lines) > 3
        and lines[0].startswith("Conversation: ")
        and not lines[1].strip()
        and lines[2].startswith(("From: ", "Type: "))
    )


def is_short_text(text: str) -> bool:
    """Return whether a text is a chat of one line for each message, of which one is one's own."""
    lines = text.lstrip("\ufeff \r\n").split("\n")
    return bool(_SHORT.match(lines[0])) and any(
        found[2] == NAMED_OWN for line in lines if (found := _SHORT.match(line))
    )


def read_blocks(lines: Iterable[str], log: ImportLog) -> Iterator[SigtopMessage]:
    """Yield the messages of a chat in blocks, whose first line names the chat."""
    block = BoundedLines()
    was_blank = False
    for line, following in pairwise(chain(lines, ("",))):
        if was_blank and _is_start(line, following):
            yield from _read_block(block, log)
            block = BoundedLines()
        block.add(line)
        was_blank = not line.strip()
    yield from _read_block(block, log)


def _is_start(line: str, following: str) -> bool:
    """Return whether a line is the first of a message: words may begin like a field, too."""
    if line.startswith("From: "):
        return following.startswith("Type: ")
    return line.startswith("Type: ") and following.startswith(("Sent: ", "Received: "))


def _read_block(block: list[str], log: ImportLog) -> Iterator[SigtopMessage]:
    count = next((at for at, line in enumerate(block) if not _FIELD.fullmatch(line)), len(block))
    found = [(field[1], field[2]) for line in block[:count] if (field := _FIELD.fullmatch(line))]
    fields = dict(found)
    if "Type" not in fields:  # the chat's name
        return
    try:
        sent = parsedate_to_datetime(fields.get("Sent") or fields.get("Received") or "")
        time = unix_seconds(sent.timestamp())
    except (ValueError, OverflowError):
        log.skip(_NO_DATE)
        return
    is_edited = "Edited" in fields
    yield SigtopMessage(
        fields.get("From", ""),
        fields["Type"],
        time,
        _last_version(block[count:]) if is_edited else _own_words(block[count:]),
        "second",
        files=tuple(_file(value) for key, value in found if key == "Attachment")[:_MOST_FILES],
        is_edited=is_edited,
    )


def _file(value: str) -> str:
    """The name of an attachment, behind which its type and size stand."""
    named = _FILE.fullmatch(value)
    return named[1] if named and named[1] != _NO_NAME else "file"


def _own_words(lines: list[str]) -> str:
    """The words below the fields and below the quoted message, each of which follows an empty line."""
    at = 1
    if len(lines) > 1 and lines[1].startswith("> From: "):
        while at < len(lines) and lines[at].startswith(">"):
            at += 1
        at += 1
    return "\n".join(lines[at:]).strip()


def _last_version(lines: list[str]) -> str:
    """The words of the version that stands first in the history of an edited message."""
    version: list[str] = []
    for line in lines:
        if line.startswith("| Version: "):
            if version:
                break
            version = [""]
        elif version:
            version.append(line.removeprefix("|").removeprefix(" "))
    at = next((at for at, line in enumerate(version[1:], 1) if not _FIELD.fullmatch(line)), len(version))
    return _own_words(version[at:])


def read_short_lines(lines: Iterable[str], log: ImportLog) -> Iterator[SigtopMessage]:
    """Yield the messages of a chat of lines; a line that does not begin like one goes on with the last."""
    header: re.Match[str] | None = None
    rest = BoundedLines()
    for line in lines:
        if following := _SHORT.fullmatch(line.lstrip("\ufeff")):
            if header:
                yield from _read_short(header, rest, log)
            header, rest = following, BoundedLines()
        else:
            rest.add(line)
    if header:
        yield from _read_short(header, rest, log)


def _read_short(header: re.Match[str], rest: list[str], log: ImportLog) -> Iterator[SigtopMessage]:
    try:
        time = unix_seconds(datetime.fromisoformat(header[1]).replace(tzinfo=UTC).timestamp())
    except ValueError:
        log.skip(_NO_DATE)
        return
    first = header[3] or ""
    details = _DETAILS.match(first)
    words = "\n".join((first[details.end() :] if details else first, *rest)).strip()
    type = details["type"] if details else ""
    told = details[0] if details else ""
    yield SigtopMessage(
        header[2],
        type or ("outgoing" if header[2] == NAMED_OWN else "incoming"),
        time,
        words,
        "minute",
        files=("file",) if "attachment" in told else (),
        is_edited="edited" in told,
        local=True,
    )
