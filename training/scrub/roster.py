"""Who is who in an export: every form of a name that gives somebody away, and whose it is."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.message import Author
from training.scrub import cjk_names
from training.scrub.detectors.lists import word_set
from training.scrub.detectors.span import Person
from training.scrub.normalise import bare, fold

KEPT = ""  # stands for all who agreed to be named
WORD = re.compile(rf"[^\W_{cjk_names.CJK}0-9]+|[0-9]+")
_RUN = re.compile(f"[{cjk_names.CJK}]+")
_HANDLE = re.compile(r"[\w.-]*[\d_.][\w.-]*", re.ASCII)
_SMALL = frozenset(
    "mr mrs ms miss dr prof sir jr sr ii iii iv the de la le van von der den del da di do dos el al".split()
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})


@dataclass(frozen=True, slots=True)
class Form:
    """One way to call somebody: its words (bare), the person's id, whether it is ordinary speech as well."""

    words: tuple[str, ...]
    person: str
    ordinary: bool = False


@dataclass(frozen=True, slots=True)
class HanForm:
    """One way to call somebody without spaces; `after` characters at its end are a title and stay."""

    text: str
    person: str
    after: int
    ordinary: bool


class Roster:
    """All forms of all names. Where two share one, who agreed comes first, then who is listed first."""

    def __init__(self, consent: Iterable[Person], others: Iterable[Person]) -> None:
        self.words = dict[str, list[Form]]()  # by first word
        self.han = dict[str, list[HanForm]]()  # by first character
        self.forms = set[str]()  # first words, and whole forms without spaces
        self.handles = dict[str, str]()
        self.ids = dict[str, str]()
        self.called = dict[str, frozenset[str]]()  # of all who did not agree
        for person in consent:
            self._add(person, KEPT)
        for person in others:
            if self.ids.get(person.id) != KEPT:
                self._add(person, person.id or "/".join(person.names))
        for word, spoken in self.words.items():
            first = {form.words: form for form in reversed(spoken)}
            self.words[word] = sorted(first.values(), key=lambda form: -len(form.words))
        for character, written in self.han.items():
            known = {form.text: form for form in reversed(written)}
            self.han[character] = sorted(known.values(), key=lambda form: -len(form.text))
        self.forms.update(self.words, *((form.text for form in forms) for forms in self.han.values()))

    def _add(self, person: Person, owner: str) -> None:
        if person.id:
            self.ids.setdefault(person.id, owner)
        called = set[str]()
        for name in (fold(name).text.strip().lstrip("@") for name in person.names):
            self.handles.setdefault(bare(name), owner)
            for form in _spoken(name, owner):
                called.update(word for word in form.words if len(word) > 1)
                self.words.setdefault(form.words[0], []).append(form)
            for written in _written(name, owner):
                called.add(written.text)
                self.han.setdefault(written.text[0], []).append(written)
        if owner != KEPT:
            self.called[owner] = self.called.get(owner, frozenset()) | called


def _spoken(name: str, owner: str) -> Iterator[Form]:
    """A name in words with spaces: as a whole, and each part that can stand alone."""
    found = WORD.findall(name)
    letters = sum(not word.isdecimal() for word in found)
    is_handle = bool(_HANDLE.fullmatch(name))
    for words in _spelt(found):
        if len(words) > 1:
            yield Form(words, owner, all(_is_ordinary(word) for word in words))
        for word in words:
            if len(word) < 2 or word.isdecimal() or word in _SMALL:
                continue
            if not (_is_ordinary(word) and (is_handle or letters > 3)):
                yield Form((word,), owner, _is_ordinary(word))


def _spelt(words: list[str]) -> tuple[tuple[str, ...], ...]:
    """The words bare of accents, and with "ae" for "ä" and the like."""
    plain = tuple(bare(word) for word in words)
    german = tuple(bare(word.casefold().translate(_UMLAUTS)) for word in words)
    return (plain,) if german == plain else (plain, german)


def _is_ordinary(word: str) -> bool:
    return word in word_set("english") or len(word) < 3


def _written(name: str, owner: str) -> Iterator[HanForm]:
    for run in _RUN.findall(name):
        for text, after, ordinary in cjk_names.forms(run):
            yield HanForm(text, owner, after, ordinary)


def everybody(authors: Iterable[Author]) -> tuple[Person, ...]:
    """The authors of all messages as people with every name they had, the most talkative first."""
    names = dict[str, dict[str, None]]()
    counts = Counter[str]()
    for author in authors:
        counts[author.id] += 1
        names.setdefault(author.id, {})[author.name] = None
    return tuple(Person(one, tuple(names[one])) for one, _ in counts.most_common())
