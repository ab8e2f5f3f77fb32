"""Takes the private details out of what was said, before it becomes training data."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from bot.errors import UserError
from bot.message import Author
from training.scrub.cjk_names import CJK
from training.scrub.detectors import address, identity, internet, phone, secret
from training.scrub.detectors.lists import word_set
from training.scrub.detectors.span import ANYBODY, MARKS, Found, Label, Person, Scrubbed, Span, check, merged
from training.scrub.normalise import bare, fold
from training.scrub.people import UNKNOWN, People
from training.scrub.replacements import applied, outside, replaced
from training.scrub.roster import KEPT, Roster
from training.scrub.surrogate import Surrogate, surrogates

_ROUNDS = 8  # what a placeholder moves together can be a detail itself; two rounds are the rule
_HAN = re.compile(r"[\u3400-\u9fff]")
_MARK = re.compile("|".join(map(re.escape, (*MARKS.values(), ANYBODY))))
_SPACED = re.compile(rf"[^\W{CJK}]")
_EDGE, _END = rf"(?<![^\W{CJK}])", rf"(?![^\W{CJK}])"
_DETECTORS: tuple[Callable[[str], Iterator[Span]], ...] = (
    secret.secrets,
    internet.links,
    internet.emails,
    address.chinese,
)
_NUMERIC: tuple[Callable[[str], Iterator[Span]], ...] = (
    internet.machines,
    identity.accounts,
    identity.identities,
    phone.phones,
    address.addresses,
)
_DIGIT = re.compile("[0-9]")
_LEFT = {
    "many digits": re.compile(r"[0-9](?:[ ./()-]{0,2}[0-9]){6,30}"),
    "an at sign": re.compile(r"[^\s@]{0,30}@(?!someone)[^\s@]{1,30}"),
    "letters and digits": re.compile(
        r"(?<![A-Za-z0-9_-])(?=[A-Za-z_-]{0,30}[0-9])(?=[0-9_-]{0,30}[A-Za-z])[A-Za-z0-9_-]{12,}+"
    ),
}


class Scrubber:
    """Replaces private details by placeholders, the same on both sides of a conversation.

    A person becomes an invented name ("Kalimo", in Chinese text 卡莉茉), drawn from the key and the person's
    id: what is left reads like talk among people, the name in the text is the name before that person's own
    messages, and the model learns to use whatever name its prompt shows. A number in brackets instead
    ("[name 3]") would be learnt as a word of this persona and be said to strangers. Everything else becomes
    one short English word in brackets, in every language and without a number, since no answer turns on
    which telephone number it was: few new tokens, and easy to spot in what a model says. A handle becomes @
    and the invented name, or @someone for people outside of the export. What a user lists in `words`
    becomes […].

    `consent` are the persona itself and everybody who agreed to be named; they stay. `others` are all other
    people of the export. Nobody else's names are looked for. `keep` are words that stay whatever a rule
    says, except inside something longer that goes. Equal arguments give equal results; a person's invented
    name depends on nothing but the key and the id, unless two draw the same one. Ids must be unique in the
    data set: the same id of two platforms is one person.
    """

    def __init__(
        self,
        key: bytes,
        *,
        consent: Iterable[Person] = (),
        others: Iterable[Person] = (),
        words: Iterable[str] = (),
        keep: Iterable[str] = (),
    ) -> None:
        """Raise `UserError` for a word that is both to be removed and kept, or has no letter or digit."""
        words, keep = tuple(words), tuple(keep)
        _check(words, keep)
        self._roster = Roster(consent, others)
        listed = frozenset(bare(word) for word in (*words, *keep))
        taken = word_set("english") | self._roster.forms | listed
        self._names = surrogates(self._roster.called, taken, key)
        self._people = People(
            self._roster, frozenset(bare(form) for name in self._names.values() for form in name)
        )
        self._words, self._keep = _listed(words), _listed(keep)

    def author(self, author: Author) -> Author:
        """The author under the name that training data show; "Someone" for an id that is not listed."""
        owner = self._roster.ids.get(author.id, UNKNOWN)
        if owner == KEPT:
            return author
        name = self._names.get(owner)
        shown = _script(name, author.name) if name else ANYBODY.lstrip("@").capitalize()
        return Author(author.id, shown, author.is_bot)

    def scrub(self, text: str, labels: Sequence[Label] = ()) -> Scrubbed:
        """The text without private details. Scrubbing the result again changes nothing."""
        check(labels, text)
        spans = [span for label in labels if (span := self._labelled(label, text))]
        found, current = list[Found](), text
        for _ in range(_ROUNDS):
            spans = merged([*spans, *self._spans(current)])
            if not spans:
                break
            found = replaced(text, found, spans, self._placeholder)
            current, spans = applied(text, found), []
        return Scrubbed(current, tuple(found))

    def left(self, text: str) -> list[tuple[str, int, int]]:
        """What looks like a detail in a scrubbed text and was taken for none: why, from where, to where."""
        marked = [(why, *found.span()) for why, shape in _LEFT.items() for found in shape.finditer(text)]
        marked += [("a word that is also a name", span.start, span.end) for span in self._people.doubts(text)]
        return [
            one for one in marked if not self._people.stands_for_somebody(text[one[1] : one[2]].lstrip("@"))
        ]

    def _labelled(self, label: Label, text: str) -> Span | None:
        """What an exporter's label takes out; nothing for marks of punctuation and for those who agreed."""
        span = label.span()
        said = text[label.start : label.end]
        if not span or not any(map(str.isalnum, said)):
            return None
        if span.kind in ("name", "handle"):
            known = self._roster.ids.get(label.person) if label.person else None
            span = span._replace(person=self._people.whose(said.lstrip("@")) if known is None else known)
            return None if span.person == KEPT else span
        return span

    def _spans(self, text: str) -> list[Span]:
        """Every detail in a text, in its own offsets; they may overlap."""
        folded = fold(text)
        plain = folded.text
        detectors = _DETECTORS + _NUMERIC if _DIGIT.search(plain) else _DETECTORS
        spans = [span for detect in detectors for span in detect(plain)]
        spans += self._people.handles(plain)
        spans += self._people.names(plain)
        if self._words:
            spans += (Span(*found.span(), "word") for found in self._words.finditer(plain))
        if not spans:
            return spans
        for safe in (_MARK, self._keep):
            if safe:
                spans = outside(spans, [found.span() for found in safe.finditer(plain)])
        return [Span(*folded.place(start, end), kind, person) for start, end, kind, person in spans]

    def _placeholder(self, span: Span, original: str) -> str:
        name = self._names.get(span.person)
        if span.kind not in ("name", "handle"):
            placeholder = MARKS[span.kind]
        elif span.kind == "handle":
            placeholder = f"@{_script(name, original)}" if name else ANYBODY
        else:
            placeholder = _cased(_script(name, original), original) if name else ANYBODY.lstrip("@")
        return MARKS["word"] if original.casefold() in placeholder.casefold() else placeholder


def _script(name: Surrogate, original: str) -> str:
    return name.han if _HAN.search(original) else name.latin


def _cased(name: str, original: str) -> str:
    """The name in the case of the one it stands for: the persona's way of writing is what is learnt."""
    if original.islower():
        return name.lower()
    return name.upper() if original.isupper() and len(original) > 2 else name


def _check(words: Sequence[str], keep: Sequence[str]) -> None:
    for word in (*words, *keep):
        if not any(map(str.isalnum, word)):
            raise UserError(f"The list of words holds {word!r}: a word needs at least one letter or digit.")
    if both := {bare(word) for word in words} & {bare(word) for word in keep}:
        raise UserError(f"{min(both)!r} is to be removed and to be kept: take it from one of the two lists.")


def _listed(words: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern for all words, the longest first; whole words where a script has spaces."""
    plain = sorted({fold(word).text.strip() for word in words}, key=lambda word: (-len(word), word))
    patterns = [
        f"{_EDGE if _SPACED.match(word) else ''}{re.escape(word)}{_END if _SPACED.match(word[-1]) else ''}"
        for word in plain
    ]
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None
