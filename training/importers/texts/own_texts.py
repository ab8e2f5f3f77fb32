"""Diaries, essays and notes as plain text or Markdown, where the person says that the files are their own.

They are read only with `--as`, and behind all formats: a chat whose head is damaged is no essay. With
`facts`, a text goes to the stage of facts; with `posts`, each file is a post. Front matter of Markdown gives
title and date (Jekyll, Hugo, Obsidian); else the date in a file's name does. All else stays as it is.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain, islice
from typing import NamedTuple

from bot.errors import UserError
from training.importers.reading.dialogue import FACTS
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import LONGEST_TEXT, clean_text, derived_id, parse_iso_time
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Precision
from training.store.roles import DOCUMENTS

TITLE = "Texts and Markdown"
GUIDE = Guide(
    steps=(
        "Put diaries, essays or notes of the persona as text or Markdown into a folder, and say "
        "`import FOLDER --as facts` or `--as posts`."
    ),
    reads=(
        "It reads each text whole, with title and date of its front matter: as facts for the stage of "
        "facts, as posts in the persona's own voice."
    ),
    leaves_out="Other files of the folder, and without `--as` every text, are left out.",
)
OPTION = "If it is a text of the persona's own, say --as facts or --as posts."
_SUFFIXES = frozenset(("txt", "text", "md", "markdown", "mdown", "rst", "org", ""))
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f]")
_FENCES = {"---": ("---", "..."), "+++": ("+++",)}  # of front matter: in YAML and in TOML
_FRONT_LINES = 200
_FIELD = re.compile(r"(title|date|created)\s?[:=]\s?(.{0,300}+)", re.IGNORECASE)
_DAY = re.compile(r"(?<!\d)(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?!\d)")
_ZONE = re.compile(r":\d\d(?:\.\d{1,9}+)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)\Z")
_CODE, _QUOTE = ("```", "~~~"), ">"
_PIECE = LONGEST_TEXT // 2  # characters from which on a text of facts is parted at an empty line
_LARGEST_PIECE = LONGEST_TEXT * 9 // 10  # from which on it is parted at any line end
_LABEL = re.compile(r"(?![\d*#>-])([^\n:：]{1,40}+)[:：]\s?\S")  # a name before words
_LABELS, _REPEATS = 2, 3  # as many names, each so often, make a chat
_FIRST_LINES, _NAME_WORDS = 400, 3


class TextHead(NamedTuple):
    """The title and the time of a text: "" and 0 where it does not say them."""

    title: str = ""
    time: float = 0.0
    precision: Precision = "none"
    is_local: bool = False


def is_text(head: FileHead) -> bool:
    """Return whether a file that no format knows may be a text: in a folder, only by its name too."""
    first = head.text.lstrip("\ufeff \r\n")[:1]
    if not first or head.keys or first in "{<" or _CONTROL.search(head.text) or _is_data(head.text):
        return False
    suffix = head.source.name.lower().rpartition(".")[2] if "." in head.source.name else ""
    return not head.source.path or suffix in _SUFFIXES


def _is_data(text: str) -> bool:
    """Return whether a text is a list in JSON, or a table: people write a blank behind a comma."""
    start = text[:2000].lstrip("\ufeff \t\r\n")
    if start[:1] == "[" and start[1:].lstrip()[:1] in ("]", "[", "{", '"'):
        return True
    lines = start.splitlines()[:5]
    counts = {(line.count(","), line.count(";"), line.count("\t")) for line in lines}
    return (
        len(lines) > 1
        and len(counts) == 1
        and any(map(any, counts))
        and not any(", " in line for line in lines)
    )


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        _refuse_chat(source)
        lines = source.lines()
        head, first = _read_front(lines, source)
        if log.texts == "posts":
            yield from _post(head, first, lines, source)
        else:
            yield from _documents(head, first, lines, source, log)


def _read_front(lines: Iterator[str], source: Source) -> tuple[TextHead, list[str]]:
    """Read front matter; return what it says, and the lines that belong to the text."""
    first = next(lines, "")
    ends = _FENCES.get(first.rstrip())
    if ends is None:
        return _head({}, source), [first]
    fields, kept = dict[str, str](), [first]
    for line in lines:
        kept.append(line)
        if line.rstrip() in ends:
            return _head(fields, source), []
        if len(kept) > _FRONT_LINES:
            break
        if found := _FIELD.fullmatch(line.rstrip()):
            fields.setdefault(found[1].lower(), found[2].strip(" \"'"))
    return _head({}, source), kept  # a rule above a text, which no other closes


def _head(fields: dict[str, str], source: Source) -> TextHead:
    title = clean_text(fields.get("title", ""))
    for text in (fields.get("date", ""), fields.get("created", "")):
        try:
            time, is_local = parse_iso_time(text), not _ZONE.search(text)
            return TextHead(title, time, "second" if ":" in text else "day", is_local)
        except ValueError:
            continue
    if found := _DAY.search(source.name):
        try:
            day = date(*map(int, found.groups()))
            return TextHead(title, parse_iso_time(day.isoformat()), "day", is_local=True)
        except ValueError:
            pass
    return TextHead(title)


def _post(
    head: TextHead, first: list[str], lines: Iterator[str], source: Source
) -> Iterator[ExportedMessage]:
    kept, size = [line for line in first if not line.startswith(_QUOTE)], sum(map(len, first))
    for line in lines:
        if line.startswith(_QUOTE):
            continue  # another's words
        kept.append(line)
        size += len(line) + 1
        if size > LONGEST_TEXT:
            break  # `bound_message` leaves it out, and counts it
    text = _join(kept)
    if text:
        title = "" if _is_heading(text.partition("\n")[0], head) else head.title
        yield _message(head, "\n\n".join(filter(None, (title, text))), source, is_post=True)


def _documents(
    head: TextHead, first: list[str], lines: Iterator[str], source: Source, log: ImportLog
) -> Iterator[ExportedMessage]:
    """Yield a text, in pieces where it is long; no piece ends inside a block of code."""
    kept, size, in_code, is_begun = list[str](), 0, False, False
    for line in chain(first, lines):
        if not is_begun and line.strip():
            is_begun = True
            if head.title and not _is_heading(line, head):
                kept.insert(0, f"# {head.title}\n")
        if kept and size + len(line) > LONGEST_TEXT:
            yield from _document(head, kept, source, log)
            kept, size = [], 0
        in_code ^= line.lstrip().startswith(_CODE)
        kept.append(line)
        size += len(line) + 1
        if size > _LARGEST_PIECE or (size > _PIECE and not line.strip() and not in_code):
            yield from _document(head, kept, source, log)
            kept, size = [], 0
    yield from _document(head, kept, source, log)


def _document(head: TextHead, lines: list[str], source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    if text := _join(lines):
        log.keep(FACTS)
        yield _message(head, text, source, is_post=False)


def _is_heading(line: str, head: TextHead) -> bool:
    """Return whether a line is the title as a heading: it stands in the front matter, too."""
    return line.startswith("# ") and line.removeprefix("# ").strip() == head.title


def _refuse_chat(source: Source) -> None:
    """Raise UserError for a text with names before its lines: nobody could tell whose words those are."""
    labels = Counter[str]()
    for line in islice(source.lines(again=True), _FIRST_LINES):
        if (found := _LABEL.match(line)) and len(found[1].split()) <= _NAME_WORDS:
            labels[found[1].strip()] += 1
    names = [name for name, count in labels.items() if count >= _REPEATS]
    if len(names) >= _LABELS:
        shown = " and ".join(names[:2])
        raise UserError(
            f"{source} looks like a chat of {shown}, and not all of its words are the persona's: import the "
            "chat's own export, or leave the file out."
        )


def _join(lines: list[str]) -> str:
    return clean_text("\n".join(lines).strip("\n").rstrip())


def _message(head: TextHead, text: str, source: Source, is_post: bool) -> ExportedMessage:
    id = derived_id(text)
    return ExportedMessage(
        platform="notes",
        chat=id if is_post else DOCUMENTS,
        id=id,
        author="self",
        author_name="",
        time=head.time,
        source=source.label,
        text=text,
        is_self=True,
        chat_kind="timeline",
        chat_name=head.title or source.name if is_post else "",
        precision=head.precision,
        local=head.is_local,
        kind="text" if is_post else "document",
    )
