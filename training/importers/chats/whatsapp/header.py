"""The first line of a WhatsApp message: date, time and author, in the form of the phone's language.

Android writes "date, time - author: text", iOS "[date, time] author: text".
"""

import re
from typing import NamedTuple

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


class MessageHeader(NamedTuple):
    """The parts of a message's first line.

    `numbers` are the three of the date in the order of the file, `clock` is hour, minute and second;
    `author` is "" in a notice.
    """

    numbers: tuple[int, int, int]
    clock: tuple[int, int, int]
    has_seconds: bool
    author: str
    text: str


def parse_header(line: str) -> MessageHeader | None:
    """Return the header that a line begins with; None for a line that continues a message."""
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
    speech = _AUTHOR.match(found["rest"])
    author, text = (speech["author"], speech["text"] or "") if speech else ("", found["rest"])
    return MessageHeader(
        (first, middle, last),
        (hour, minute, second),
        found["second"] is not None,
        visible(author).strip("~ "),
        text,
    )


def visible(text: str) -> str:
    """Remove the direction marks that WhatsApp puts around names, attachments and notices."""
    return _INVISIBLE.sub("", text)
