"""WhatsApp's exported chats: text without zone, ids or years of four digits, in the language of the phone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import NamedTuple

from bot.errors import UserError
from training.importers.chats.whatsapp import phrases as phrases
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import clean, drawn_id, numbered, seconds
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage, Kind, Precision

TITLE = "WhatsApp"
ADVICE = "In the chat choose More, Export chat"

_MARKS = "\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"  # not \u200d and \ufe0f: emoji are made with them
_INVISIBLE = re.compile(f"[{_MARKS}]")
_HALF = r"[AaPp]\.?\s?[Mm]\.?|上午|下午|午前|午後|오전|오후|凌晨|清晨|早上|中午|晚上"
_AFTERNOON = ("p", "下午", "午後", "오후", "晚上", "中午")
_HEADER = re.compile(
    rf"""[{_MARKS}]*(?P<bracket>\[)?
    (?P<date>\d{{1,4}}[-/.]\s?\d{{1,2}}[-/.]\s?\d{{1,4}})\.?[,.]?\s
    (?:[^\W\d]{{1,6}}\.?\s)??                            # the word "klo" of Finnish
    (?:(?P<before>{_HALF})\s?)?
    (?P<hour>\d{{1,2}})[.:](?P<minute>\d{{2}})(?:[.:](?P<second>\d{{2}}))?
    (?:\s?(?P<after>{_HALF}))?
    (?(bracket)\]|(?:\s-|:))\s(?P<rest>.*)""",
    re.VERBOSE | re.DOTALL,
)
_AUTHOR = re.compile(r"(?P<author>[^:]{1,120}?):(?:\s(?P<text>.*)|$)", re.DOTALL)
_ATTACHED = re.compile(
    rf"<[\w ]+: ?([^<>]+)>|(\S.*\.\w{{2,5}}) \((?:{'|'.join(phrases.ATTACHED)})\)", re.IGNORECASE
)
_SUFFIX = re.compile(r" ?\(\d+\)$")
_ENDING: dict[str, Kind] = {
    **dict.fromkeys(("jpg", "jpeg", "png"), "image"),
    **dict.fromkeys(("opus", "m4a", "mp3", "ogg", "aac"), "audio"),
    "webp": "sticker",
    "mp4": "video",
}
_ORDERS = ((0, 1, 2), (2, 1, 0), (2, 0, 1))  # where year, month and day stand


class Header(NamedTuple):
    """The beginning of a message: three numbers of the date in their order, the clock, and what follows."""

    numbers: tuple[int, int, int]
    clock: tuple[int, int, int]
    precise: bool
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Chat:
    """What has to be known of a file before its first message can be told."""

    source: str
    name: str
    order: tuple[int, int, int]
    authors: frozenset[str]

    @property
    def me(self) -> str:
        """In a chat of two that is named after one of them, the other."""
        others = self.authors - {self.name}
        return next(iter(others)) if len(self.authors) == 2 and len(others) == 1 else ""


def recognises(head: FileHead) -> bool:
    """Whether a line among the first few begins with a date, a time and a mark."""
    return any(_header(line) for line in head.text.split("\n", 20)[:20]) and not head.keys


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        chat = _look(source, tally)
        yield from _messages(source, chat, tally)


def _look(source: Source, tally: ImportLog) -> Chat:
    """Read the file once for its authors, its title and the order of day and month."""
    dates, authors, title = dict[tuple[int, int, int], None](), dict[str, None](), ""
    for line in source.lines(again=True):
        if header := _header(line):
            dates[header.numbers] = None
            if not title:
                title = header.author if _is_notice(header.text) else "-"
            if header.author and not _is_notice(header.text):
                authors[header.author] = None
    name = _name(source) or title.strip("-") or " & ".join(sorted(authors)[:6]) or source.name
    return Chat(source.label, name, _order(source, [*dates], tally), frozenset(authors))


def _order(source: Source, dates: list[tuple[int, int, int]], tally: ImportLog) -> tuple[int, int, int]:
    """Where year, month and day stand: as every date exists, and as time goes back the least."""
    found: dict[tuple[int, int, int], int] = {}
    for order in _ORDERS:
        try:
            days = [_day(numbers, order) for numbers in dates]
        except ValueError:
            continue
        found[order] = sum(later < earlier for earlier, later in pairwise(days))
    if not found:
        raise UserError(f"{source} has dates that no calendar knows: export the chat again.")
    best = [order for order in found if found[order] == min(found.values())]
    if len(best) == 1 or all(len({_day(numbers, order) for order in best}) == 1 for numbers in dates):
        return best[0]
    if not tally.dates:
        first = "/".join(map(str, dates[0]))
        raise UserError(f"{source}: is {first} day or month first? Say --dates day or --dates month.")
    return (2, 1, 0) if tally.dates == "day" else (2, 0, 1)


def _day(numbers: tuple[int, int, int], order: tuple[int, int, int]) -> date:
    """A date; raise ValueError where it does not exist or lies outside of WhatsApp's years."""
    year, month, day = (numbers[at] for at in order)
    if not 9 <= year % 2000 < 80:
        raise ValueError(f"{year} is no year of WhatsApp")
    return date(year % 2000 + 2000, month, day)


def _header(line: str) -> Header | None:
    found = _HEADER.match(line.replace("\u202f", " ").replace("\u00a0", " "))
    if not found:
        return None
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    if half := found["before"] or found["after"]:
        hour = hour if hour > 12 else hour % 12 + 12 * half.lower().startswith(_AFTERNOON)
        if half in ("中午",) and hour == 23:
            hour = 11
    if hour > 23 or minute > 59 or second > 59:
        return None
    first, middle, last = (int(part) for part in re.split(r"[-/.]\s?", found["date"]))
    said = _AUTHOR.match(found["rest"])
    author, text = (said["author"], said["text"] or "") if said else ("", found["rest"])
    precise = found["second"] is not None
    return Header((first, middle, last), (hour, minute, second), precise, _visible(author).strip("~ "), text)


def _messages(source: Source, chat: Chat, tally: ImportLog) -> Iterator[ExportedMessage]:
    """Each header with the lines below it that have none."""
    header, text, seen, last = None, list[str](), dict[str, int](), 0.0
    for line in source.lines():
        following = _header(line)
        if following is None:
            if header:
                text.append(line)
            continue
        if header:
            yield from _said(chat, header, "\n".join(text), tally, seen)
        header, text = following, [following.text]
        if (moment := _moment(chat, header)) != last:
            seen.clear()
            last = moment
    if header:
        yield from _said(chat, header, "\n".join(text), tally, seen)


def _moment(chat: Chat, header: Header) -> float:
    day = _day(header.numbers, chat.order)
    return seconds(datetime(day.year, day.month, day.day, *header.clock, tzinfo=UTC).timestamp())


def _said(
    chat: Chat, header: Header, raw: str, tally: ImportLog, seen: dict[str, int]
) -> Iterator[ExportedMessage]:
    moment = _moment(chat, header)
    text, kind, media, edited = _content(raw)
    notice = not header.author or _is_notice(raw)
    if not notice and text.lower().rstrip(".") in phrases.DELETED:
        tally.skip("deleted by their author")
        return
    drawn = drawn_id(moment, header.author, text)
    precision: Precision = "second" if header.precise else "minute"
    yield ExportedMessage(
        platform="whatsapp",
        chat=chat.name,
        id=drawn_id(drawn, numbered(drawn, seen)),
        author="" if notice else header.author,
        author_name="" if notice else header.author,
        time=moment,
        source=chat.source,
        text="" if notice else text,
        is_self=None if notice or not chat.me else header.author == chat.me,
        chat_kind="group" if len(chat.authors) > 2 else "direct",
        chat_name=chat.name,
        precision=precision,
        local=True,
        edited=edited,
        kind="notice" if notice else kind,
        media=() if notice else media,
    )


def _content(raw: str) -> tuple[str, Kind, tuple[str, ...], bool]:
    """The words, what came beside them, the names of files, and whether it was edited."""
    text = clean(_visible(raw)).strip()
    edited = False
    for suffix in phrases.EDITED:
        if text.lower().endswith(suffix):
            text, edited = text[: -len(suffix)].rstrip(), True
    first, _, caption = text.partition("\n")
    if attached := _ATTACHED.fullmatch(first.strip()):
        name = (attached[1] or attached[2]).strip()
        return caption.strip(), _ENDING.get(name.rpartition(".")[2].lower(), "file"), (name,), edited
    kind = _placeholder(text.lower())
    return ("", kind, (), edited) if kind else (text, "text", (), edited)


def _placeholder(text: str) -> Kind | None:
    """What stands in the place of a file that was not exported; a view-once message is empty."""
    whole = text.strip("<>") if text not in phrases.OMITTED else text
    kinds: tuple[tuple[frozenset[str], Kind], ...] = (
        (phrases.OMITTED, "file"),
        (phrases.IMAGE, "image"),
        (phrases.VIDEO, "video"),
        (phrases.AUDIO, "audio"),
        (phrases.STICKER, "sticker"),
        (phrases.FILE, "file"),
    )
    return "other" if not text else next((kind for texts, kind in kinds if whole in texts), None)


def _is_notice(raw: str) -> bool:
    """Whether WhatsApp wrote this, and not the one whose name stands before it."""
    text = clean(_visible(raw)).strip()
    if text.lower().startswith(tuple(phrases.NOTICES)):
        return True
    if not raw.startswith("\u200e"):
        return False
    known = _content(raw)[1] != "text" or text.lower().rstrip(".") in phrases.DELETED
    return not known and not re.match(r"[A-Z]+:|\w+: https?://", text)


def _visible(text: str) -> str:
    return _INVISIBLE.sub("", text)


def _name(source: Source) -> str:
    """The chat's name, where the file or the zip bears it."""
    for name in (source.name, source.root.replace("\\", "/").rpartition("/")[2]):
        stem = _SUFFIX.sub("", name.rpartition(".")[0])
        for pattern in phrases.FILE_NAMES:
            for form in (pattern, pattern.replace(" ", "_")):
                if stem.startswith(form):
                    return stem.removeprefix(form).replace("_", " ").strip()
    return ""
