"""A place in a text that gives a private detail away, what it is, and what stands there afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.errors import UserError

MARKS = {
    "word": "[…]",
    "link": "[link]",
    "secret": "[secret]",
    "email": "[email]",
    "machine": "[ip]",
    "iban": "[bank account]",
    "card": "[card number]",
    "identity": "[id number]",
    "phone": "[phone]",
    "address": "[address]",
}
KINDS = (*MARKS, "handle", "name")  # where two overlap, the one listed first gives its placeholder
RANK = {kind: rank for rank, kind in enumerate(KINDS)}
ANYBODY = "@someone"  # for the handle of somebody who is not in the export
LABELS = {
    "phone": "phone",
    "email": "email",
    "bank_card": "card",
    "mention": "handle",
    "mention_name": "name",
    "link": "link",
    "url": "link",
}


class Span(NamedTuple):
    """Characters from `start` to before `end`; `person` is the id of the one named, where that is known."""

    start: int
    end: int
    kind: str
    person: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """What an exporter says about characters `start` to before `end` of a text.

    `kind` is one of `KINDS` or a word of Telegram's exports (`LABELS`); other kinds, such as bold, are
    ignored. `person` is the id of the one mentioned, where the export gives it.
    """

    start: int
    end: int
    kind: str
    person: str = ""

    def span(self) -> Span | None:
        """The place to empty; nothing for a label that gives no private detail away."""
        kind = LABELS.get(self.kind, self.kind)
        return Span(self.start, self.end, kind, self.person) if kind in RANK else None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in an export: the author id, and every name and handle they went by."""

    id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One private detail: kind, place in the original text, words (not in the repr), placeholder."""

    kind: str
    start: int
    end: int
    original: str = field(repr=False)
    placeholder: str


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A text without its private details, and what was taken out, from left to right."""

    text: str
    found: tuple[Found, ...] = ()


def merged(spans: list[Span]) -> list[Span]:
    """The spans from left to right; those that overlap become one, of the first of their kinds in `KINDS`."""
    whole: list[Span] = []
    for span in sorted(spans):
        if not whole or span.start >= whole[-1].end:
            whole.append(span)
            continue
        last = whole[-1]
        chief = min(last, span, key=lambda one: (RANK[one.kind], not one.person))
        person = chief.person or last.person or span.person
        whole[-1] = Span(last.start, max(last.end, span.end), chief.kind, person)
    return whole


def check(labels: Sequence[Label], text: str) -> None:
    """Raise `UserError` for a label that lies outside its text."""
    for label in labels:
        if not 0 <= label.start < label.end <= len(text):
            raise UserError(
                f"A {label.kind} label covers {label.start} to {label.end} of a text of {len(text)}."
            )
