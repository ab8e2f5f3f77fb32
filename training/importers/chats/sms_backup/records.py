"""The records of a backup: a message or a call, made of the attributes of its tags."""

import re
from dataclasses import dataclass, field

from training.importers.reading.normalise import unix_seconds
from training.importers.reading.record_kinds import RecordKind, file_kind

OWN = "me"
NOT_SENT = "drafts, and messages that were not sent"
_RECEIVED, _SENT = (
    "1",
    "2",
)  # both a type of <sms> and a msg_box of <mms>; 3 draft, 4 outbox, 5 failed, 6 queued
_FROM, _TOKEN = "137", "insert-address-token"  # the sender's place, and what stands in it for the own number
_BETWEEN = "~"  # the numbers of a group
_SIGNS = re.compile(r"[\s().\-/]+")
_NUMBER = re.compile(r"\+?\d{3,}")
_UNKNOWN_NAMES = frozenset(("", "null", "(Unknown)", "Unknown"))
_FORMS = {  # of quotes and blanks; those without a width go
    **dict.fromkeys(map(ord, "“”„‟«»「」"), '"'),
    **dict.fromkeys(map(ord, "\u200a\u00a0\u202f\u2009"), " "),
    **dict.fromkeys(map(ord, "\u200b\u200c\u200e\u200f\u2060\ufeff")),
}
_LONG_AGO = 10**11  # a smaller number is no milliseconds: that would be 1973
_MOST_PARTS = 200
_EXTENSIONS = {"image": "jpg", "video": "mp4", "audio": "m4a"}
_CALLS = {"2": OWN}  # 1 received, 2 made, 3 missed, 4 on the answering machine, 5 and 6 refused
_MMS_TYPES: dict[str, RecordKind] = {
    "130": "undelivered",  # it was not fetched
    "134": "notice",  # it arrived
    "136": "notice",  # it was read
}


@dataclass(slots=True)
class SmsRecord:
    """A message or a call; `numbers` are the people of the chat without the phone's owner.

    `author` is a number, `OWN`, or "" where it is not known; `reason` tells why to leave the record out.
    """

    numbers: list[str]
    name: str
    date: str
    author: str
    kind: RecordKind = "words"
    reason: str = ""
    lines: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def chat(self) -> str:
        """The chat's id: its numbers in one order."""
        return _BETWEEN.join(sorted({*self.numbers}))

    @property
    def is_group(self) -> bool:
        return len({*self.numbers}) > 1

    def author_name(self) -> str:
        """Return the contact's name, of a group where its list of names is as long as that of its numbers."""
        if self.author == OWN:
            return "Me"
        names = [each.strip() for each in self.name.split(",")] if self.is_group else [self.name]
        if len(names) == len(self.numbers) and self.author in self.numbers:
            return names[self.numbers.index(self.author)] or self.author
        return self.author

    def time(self) -> float:
        """Return Unix seconds. Raises ValueError for no time."""
        number = int(self.date) if self.date.isdecimal() and len(self.date) < 15 else 0
        if not number:
            raise ValueError(f"{self.date[:20]} is no time")
        return unix_seconds(number / 1000 if number >= _LONG_AGO else float(number))


def sms_record(attributes: dict[str, str]) -> SmsRecord:
    """Return the record of an <sms>."""
    record = _record(attributes, present(attributes, "address"), attributes.get("type", ""))
    record.lines = [text for key in ("subject", "body") if (text := present(attributes, key))]
    return record


def call_record(attributes: dict[str, str]) -> SmsRecord:
    """Return the record of a <call>."""
    record = _record(attributes, present(attributes, "number"), _RECEIVED)
    record.author, record.kind = _CALLS.get(attributes.get("type", ""), record.author), "call"
    return record


class MmsBuilder:
    """An <mms>, of which the parts and the addresses follow. RCS messages are written as one, too."""

    def __init__(self, attributes: dict[str, str]) -> None:
        self._record = _record(attributes, present(attributes, "address"), attributes.get("msg_box", ""))
        self._record.kind = _MMS_TYPES.get(attributes.get("m_type", ""), "words")
        self._is_received = attributes.get("msg_box") == _RECEIVED
        self._people: list[str] = []
        self._sender, self._has_contact, self._parts = "", False, 0

    def add_part(self, attributes: dict[str, str]) -> None:
        """Add a <part>: a text, or a file whose bytes are not read."""
        self._parts += 1
        content = attributes.get("ct", "").lower()
        if self._parts > _MOST_PARTS or content == "application/smil":  # how the parts are laid out
            return
        if content == "text/plain":
            self._record.lines += [text] if (text := present(attributes, "text")) else []
        elif content in ("text/x-vcard", "text/vcard"):
            self._has_contact = True
        else:
            self._record.files.append(_file_name(attributes, content))

    def add_address(self, attributes: dict[str, str]) -> None:
        """Add an <addr>."""
        number = present(attributes, "address")
        if number and number != _TOKEN and len(self._people) < _MOST_PARTS:
            self._people.append(normalised_number(number))
            if attributes.get("type") == _FROM:
                self._sender = self._people[-1]

    def build(self) -> SmsRecord:
        """Return the record, behind the last part and address."""
        record = self._record
        if not record.numbers:
            record.numbers = self._people
        if self._is_received:
            record.author = self._sender or record.author
        if self._has_contact and not record.lines and not record.files and record.kind == "words":
            record.kind = "contact"
        return record


def reaction_form(text: str) -> str:
    """Return a text with quotes and blanks as in the phrases of reactions: phones write several forms."""
    return text.translate(_FORMS)


def normalised_number(number: str) -> str:
    """Return a phone number without what only divides it; other senders stay as they are."""
    short = _SIGNS.sub("", number)
    return short if _NUMBER.fullmatch(short) else number.strip()


def present(attributes: dict[str, str], key: str) -> str:
    """Return an attribute; "" where it is missing, also where the app wrote "null" for that."""
    value = attributes.get(key, "")
    return "" if value == "null" else value


def _record(attributes: dict[str, str], address: str, box: str) -> SmsRecord:
    numbers = [normalised_number(each) for each in address.split(_BETWEEN) if each.strip()]
    name = attributes.get("contact_name", "")
    received = numbers[0] if len(numbers) == 1 else ""
    return SmsRecord(
        numbers,
        "" if name in _UNKNOWN_NAMES else name,
        attributes.get("date", ""),
        OWN if box == _SENT else received,
        reason="" if box in (_RECEIVED, _SENT) else NOT_SENT,
    )


def _file_name(attributes: dict[str, str], content: str) -> str:
    """The name of a file, with an extension that tells its kind."""
    keys = ("cl", "fn", "name")
    name = next((value for key in keys if (value := present(attributes, key))), "")
    group, _, subtype = content.partition("/")
    if group not in _EXTENSIONS or file_kind(name) != "file":
        return name or "file"
    extension = subtype if file_kind(f".{subtype}") != "file" else _EXTENSIONS[group]
    return f"{name or group}.{extension}"
