"""Private spans of a text: their kinds, the labels of exporters, and the placeholders that replace them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.errors import UserError

PLACEHOLDERS = {
    "word": "[…]",
    "link": "[link]",
    "secret": "[secret]",
    "email": "[email]",
    "machine": "[ip]",
    "iban": "[bank account]",
    "card": "[card number]",
    "identity": "[id number]",
    "phone": "[phone]",
    "birth": "[birthday]",
    "address": "[address]",
}
# of two overlapping spans, the kind listed first gives the placeholder
PRIVATE_KINDS = (*PLACEHOLDERS, "handle", "name")
RANK = {kind: rank for rank, kind in enumerate(PRIVATE_KINDS)}
UNKNOWN_HANDLE = "@someone"  # placeholder for the handle of a person outside of the export
LABEL_KINDS = {  # the kinds of Telegram's entities
    "phone": "phone",
    "email": "email",
    "bank_card": "card",
    "mention": "handle",
    "mention_name": "name",
    "link": "link",
    "url": "link",
}


class PrivateSpan(NamedTuple):
    """Characters `start` to before `end` of a text; `person` is the id of the person named, "" if unknown."""

    start: int
    end: int
    kind: str
    person: str = ""


@dataclass(frozen=True, slots=True)
class SpanLabel:
    """An exporter's label of characters `start` to before `end` of a text.

    `kind` is one of `PRIVATE_KINDS` or of Telegram's entity types (`LABEL_KINDS`); others, such as bold, are
    ignored. `person` is the id of the person mentioned, "" if the export does not give it.
    """

    start: int
    end: int
    kind: str
    person: str = ""

    def private_span(self) -> PrivateSpan | None:
        """Return the span to replace; None for a label that gives no private detail away."""
        kind = LABEL_KINDS.get(self.kind, self.kind)
        return PrivateSpan(self.start, self.end, kind, self.person) if kind in RANK else None


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person in an export: the author id, and every name and handle that the person had."""

    id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    """A private detail and its placeholder; `start` and `end` count the original text.

    `original` are the words that were replaced; the repr leaves them out.
    """

    kind: str
    start: int
    end: int
    original: str = field(repr=False)
    placeholder: str


@dataclass(frozen=True, slots=True)
class ScrubbedText:
    """A text without its private details; `found` are its replacements from left to right."""

    text: str
    found: tuple[Replacement, ...] = ()


def merge_spans(spans: list[PrivateSpan]) -> list[PrivateSpan]:
    """Return the spans from left to right; overlapping ones are joined under the first of their kinds."""
    whole: list[PrivateSpan] = []
    for span in sorted(spans):
        if not whole or span.start >= whole[-1].end:
            whole.append(span)
            continue
        last = whole[-1]
        chief = min(last, span, key=lambda each: (RANK[each.kind], not each.person))
        person = chief.person or last.person or span.person
        whole[-1] = PrivateSpan(last.start, max(last.end, span.end), chief.kind, person)
    return whole


def check_labels(labels: Sequence[SpanLabel], text: str) -> None:
    """Raises UserError for a label outside of its text."""
    for label in labels:
        if not 0 <= label.start < label.end <= len(text):
            raise UserError(
                f"A {label.kind} label covers {label.start} to {label.end} of a text of {len(text)}."
            )
