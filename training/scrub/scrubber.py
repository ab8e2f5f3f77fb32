"""The scrubber: replaces the private details of a text before it becomes training data."""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.errors import UserError
from bot.message import Author
from bot.text.words import read_words
from training.scrub.cjk_names import CJK
from training.scrub.detectors import (
    address,
    birthday,
    coordinates,
    form_secret,
    identity,
    internet,
    phone,
    said_secret,
    secret,
    seed_phrase,
    spelt,
)
from training.scrub.detectors.span import (
    PLACEHOLDERS,
    UNKNOWN_HANDLE,
    KnownPerson,
    PrivateSpan,
    Replacement,
    ScrubbedText,
    SpanLabel,
    check_labels,
    merge_spans,
)
from training.scrub.forgotten import ForgottenNames
from training.scrub.normalise import match_key, normalise_text
from training.scrub.people import UNKNOWN_PERSON, NameFinder
from training.scrub.replacements import apply_replacements, replace_spans, spans_outside
from training.scrub.roster import CONSENTING, Roster
from training.scrub.surrogate import Surrogate, draw_surrogates

_ROUNDS = 8  # a placeholder can join words around it to a new detail; two rounds are the rule
_HAN = re.compile(r"[\u3400-\u9fff]")
_PLACEHOLDER = re.compile("|".join(map(re.escape, (*PLACEHOLDERS.values(), UNKNOWN_HANDLE))))
_SPACED = re.compile(rf"[^\W{CJK}]")
_EDGE, _END = rf"(?<![^\W{CJK}])", rf"(?![^\W{CJK}])"
_DETECTORS: tuple[Callable[[str], Iterator[PrivateSpan]], ...] = (
    secret.find_secrets,
    said_secret.find_said_secrets,
    form_secret.find_form_secrets,
    seed_phrase.find_seed_phrases,
    spelt.find_spelt_numbers,
    spelt.find_spaced_letters,
    coordinates.find_coordinates,
    internet.find_links,
    internet.find_emails,
    address.find_chinese_addresses,
    birthday.find_birthdays,
)
_NUMERIC: tuple[Callable[[str], Iterator[PrivateSpan]], ...] = (
    internet.find_network_addresses,
    identity.find_payment_numbers,
    identity.find_identity_numbers,
    phone.find_phone_numbers,
    address.find_addresses,
    spelt.find_spaced_digits,
)
_DIGIT = re.compile("[0-9]")
_LEFTOVERS = {
    "many digits": re.compile(r"[0-9](?:[ ./()-]{0,2}[0-9]){6,30}"),
    "an at sign": re.compile(r"[^\s@]{0,30}@(?!someone)[^\s@]{1,30}"),
    "letters and digits": re.compile(
        r"(?<![A-Za-z0-9_-])(?=[A-Za-z_-]{0,30}[0-9])(?=[0-9_-]{0,30}[A-Za-z])[A-Za-z0-9_-]{12,}+"
    ),
}


class Scrubber:
    """Replaces private details by placeholders, the same on both sides of a conversation.

    A person becomes an invented name ("Kalimo", in Chinese text 卡莉茉), made from the key and the person's
    id: the text still reads like talk among people, the name in it is the name before that person's own
    messages, and the model learns to use the names that its prompt shows. It would learn a number in
    brackets ("[name 3]") as a word of this persona and say it to strangers. A handle becomes @ and the
    invented name, or @someone for people outside of the export.

    Every other detail becomes one short English word in brackets, in every language and without a number,
    since no answer depends on the exact telephone number: few new tokens, and easy to spot in generated
    text. A text from the user's list `words` becomes […].

    `consent` are the persona itself and the people that agreed to be named: their names stay. `others` are
    all other people of the export; names of people outside of it are not found, but for those of `forgotten`
    people, which are known by their hashes alone until a text has them. `keep` are words that no
    rule removes, except inside a longer detail. Equal arguments give equal results; a person's invented name
    depends on the key and the id alone, unless two people get the same one. Ids must be unique in the data
    set: the same id of two platforms is one person.
    """

    def __init__(
        self,
        key: bytes,
        *,
        consent: Iterable[KnownPerson] = (),
        others: Iterable[KnownPerson] = (),
        words: Iterable[str] = (),
        keep: Iterable[str] = (),
        forgotten: ForgottenNames | None = None,
    ) -> None:
        """Build the roster and its invented names.

        Raises UserError for a word in both `words` and `keep`, and for one without letter or digit.
        """
        words, keep = tuple(words), tuple(keep)
        _check_words(words, keep)
        self._roster = Roster(consent, others)
        listed = frozenset(match_key(word) for word in (*words, *keep))
        taken = read_words("english") | self._roster.forms | listed
        self._forgotten = forgotten or ForgottenNames(key, {})
        people = dict.fromkeys(self._forgotten.people, frozenset[str]()) | self._roster.called
        self._names = draw_surrogates(people, _Taken(taken, self._forgotten), key)
        self._surrogates = frozenset(match_key(form) for name in self._names.values() for form in name)
        self._finder = NameFinder(self._roster, self._surrogates)
        self._words, self._keep = _words_pattern(words), _words_pattern(keep)

    def shown_author(self, author: Author) -> Author:
        """Return the author under the name in training data; "Someone" for an id that is not listed."""
        owner = self._roster.ids.get(author.id, UNKNOWN_PERSON)
        if owner == CONSENTING:
            return author
        name = self._names.get(owner)
        shown = _script(name, author.name) if name else UNKNOWN_HANDLE.lstrip("@").capitalize()
        return Author(author.id, shown, author.is_bot)

    def scrub(self, text: str, labels: Sequence[SpanLabel] = ()) -> ScrubbedText:
        """Return the text without private details. Scrubbing the result again changes nothing.

        Raises UserError for a label outside of the text.
        """
        check_labels(labels, text)
        spans = [span for label in labels if (span := self._labelled(label, text))]
        found, current = list[Replacement](), text
        for _ in range(_ROUNDS):
            spans = merge_spans([*spans, *self._spans(current)])
            if not spans:
                break
            found = replace_spans(text, found, spans, self._placeholder)
            current, spans = apply_replacements(text, found), []
        return ScrubbedText(current, tuple(found))

    def find_leftovers(self, text: str) -> list[tuple[str, int, int]]:
        """Return (reason, start, end) of words in a scrubbed text that look like a detail and were left."""
        marked = [
            (reason, *found.span()) for reason, shape in _LEFTOVERS.items() for found in shape.finditer(text)
        ]
        marked += [
            ("a word that is also a name", span.start, span.end)
            for span in self._finder.find_doubtful_names(text)
        ]
        return [
            (reason, start, end)
            for reason, start, end in marked
            if not self._finder.is_surrogate(text[start:end].lstrip("@"))
        ]

    def _labelled(self, label: SpanLabel, text: str) -> PrivateSpan | None:
        """The span of an exporter's label; None for punctuation and for consenting people."""
        span = label.private_span()
        words = text[label.start : label.end]
        if not span or not any(map(str.isalnum, words)):
            return None
        if span.kind in ("name", "handle"):
            known = self._roster.ids.get(label.person) if label.person else None
            span = span._replace(person=self._finder.owner_of(words.lstrip("@")) if known is None else known)
            return None if span.person == CONSENTING else span
        return span

    def _spans(self, text: str) -> list[PrivateSpan]:
        """Every detail of a text, in offsets of this text; they may overlap."""
        normalised = normalise_text(text)
        plain = normalised.text
        self._learn_forgotten(plain)
        detectors = _DETECTORS + _NUMERIC if _DIGIT.search(plain) else _DETECTORS
        spans = [span for detect in detectors for span in detect(plain)]
        spans += (*self._finder.find_handles(plain), *self._finder.find_names(plain))
        if self._words:
            spans += (PrivateSpan(*found.span(), "word") for found in self._words.finditer(plain))
        if not spans:
            return spans
        for safe in (_PLACEHOLDER, self._keep):
            if safe:
                spans = spans_outside(spans, [found.span() for found in safe.finditer(plain)])
        return [
            PrivateSpan(*normalised.original_span(start, end), kind, person)
            for start, end, kind, person in spans
        ]

    def _learn_forgotten(self, text: str) -> None:
        """Add to the roster what forms of forgotten names a normalised text has."""
        if [form for form in self._forgotten.find_forms(text) if self._roster.learn_form(form)]:
            self._finder = NameFinder(self._roster, self._surrogates)

    def _placeholder(self, span: PrivateSpan, original: str) -> str:
        name = self._names.get(span.person)
        if span.kind not in ("name", "handle"):
            placeholder = PLACEHOLDERS[span.kind]
        elif span.kind == "handle":
            placeholder = f"@{_script(name, original)}" if name else UNKNOWN_HANDLE
        else:
            placeholder = _cased(_script(name, original), original) if name else UNKNOWN_HANDLE.lstrip("@")
        return PLACEHOLDERS["word"] if original.casefold() in placeholder.casefold() else placeholder


@dataclass(frozen=True, slots=True)
class _Taken:
    """The words that are no invented name."""

    words: Container[str]
    forgotten: ForgottenNames

    def __contains__(self, word: object) -> bool:
        return word in self.words or (isinstance(word, str) and word in self.forgotten)


def _script(name: Surrogate, original: str) -> str:
    return name.han if _HAN.search(original) else name.latin


def _cased(name: str, original: str) -> str:
    """The invented name in the case of the original: the model learns the persona's way of writing."""
    if original.islower():
        return name.lower()
    return name.upper() if original.isupper() and len(original) > 2 else name


def _check_words(words: Sequence[str], keep: Sequence[str]) -> None:
    for word in (*words, *keep):
        if not any(map(str.isalnum, word)):
            raise UserError(f"The list of words holds {word!r}: a word needs at least one letter or digit.")
    if both := {match_key(word) for word in words} & {match_key(word) for word in keep}:
        raise UserError(f"{min(both)!r} is to be removed and to be kept: take it from one of the two lists.")


def _words_pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for all words, the longest first; whole words in scripts with spaces."""
    plain = sorted({normalise_text(word).text.strip() for word in words}, key=lambda word: (-len(word), word))
    patterns = [
        f"{_EDGE if _SPACED.match(word) else ''}{re.escape(word)}{_END if _SPACED.match(word[-1]) else ''}"
        for word in plain
    ]
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None
