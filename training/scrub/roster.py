"""The people of an export: every form of their names that gives them away, with its owner."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.message import Author
from bot.text.words import read_words
from training.scrub.cjk_names import CJK, cjk_name_forms
from training.scrub.detectors.span import KnownPerson
from training.scrub.normalise import match_key, normalise_text

CONSENTING = ""  # the owner of every name of the people that agreed to be named
WORD = re.compile(rf"[^\W_{CJK}0-9]+|[0-9]+")
CJK_RUN = re.compile(f"[{CJK}]+")
_HANDLE = re.compile(r"[\w.-]*[\d_.][\w.-]*", re.ASCII)
_SMALL = frozenset(
    "mr mrs ms miss dr prof sir jr sr ii iii iv the de la le van von der den del da di do dos el al".split()
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})


@dataclass(frozen=True, slots=True)
class NameForm:
    """A form of a name in words: their match keys, the owner's id, True if it is also ordinary speech."""

    words: tuple[str, ...]
    person: str
    ordinary: bool = False


@dataclass(frozen=True, slots=True)
class CjkNameForm:
    """A form of a name without spaces; the last `after` characters are a title and stay."""

    text: str
    person: str
    after: int
    ordinary: bool


class Roster:
    """All forms of all names. A form that two people share belongs to the consenting one, else to the first.

    `called` maps every other person's id to the words of their names.
    """

    def __init__(self, consent: Iterable[KnownPerson], others: Iterable[KnownPerson]) -> None:
        self.words = dict[str, list[NameForm]]()  # by first word
        self.cjk = dict[str, list[CjkNameForm]]()  # by first character
        self.forms = set[str]()  # first words, and whole forms without spaces
        self.handles = dict[str, str]()
        self.ids = dict[str, str]()
        self.called = dict[str, frozenset[str]]()
        for person in consent:
            self._add(person, CONSENTING)
        for person in others:
            if self.ids.get(person.id) != CONSENTING:
                self._add(person, person.id or "/".join(person.names))
        for word, spoken in self.words.items():
            first_owners = {form.words: form for form in reversed(spoken)}
            self.words[word] = sorted(first_owners.values(), key=lambda form: -len(form.words))
        for character, written in self.cjk.items():
            first_owner = {form.text: form for form in reversed(written)}
            self.cjk[character] = sorted(first_owner.values(), key=lambda form: -len(form.text))
        self.forms.update(self.words, *((form.text for form in forms) for forms in self.cjk.values()))

    def _add(self, person: KnownPerson, owner: str) -> None:
        if person.id:
            self.ids.setdefault(person.id, owner)
        called = set[str]()
        for name in person.names:
            self.handles.setdefault(match_key(_plain(name)), owner)
            for form in word_forms_of(name, owner):
                called.update(word for word in form.words if len(word) > 1)
                self.words.setdefault(form.words[0], []).append(form)
            for written in cjk_forms_of(name, owner):
                called.add(written.text)
                self.cjk.setdefault(written.text[0], []).append(written)
        if owner != CONSENTING:
            self.called[owner] = self.called.get(owner, frozenset()) | called

    def learn_form(self, form: NameForm | CjkNameForm) -> bool:
        """Add a form unless somebody has it already; return whether it is new."""
        if isinstance(form, NameForm):
            spoken = self.words.setdefault(form.words[0], [])
            if any(known.words == form.words for known in spoken):
                return False
            spoken.append(form)
            spoken.sort(key=lambda known: -len(known.words))
            return True
        written = self.cjk.setdefault(form.text[0], [])
        if any(known.text == form.text for known in written):
            return False
        written.append(form)
        written.sort(key=lambda known: -len(known.text))
        return True


def _plain(name: str) -> str:
    return normalise_text(name).text.strip().lstrip("@")


def word_forms_of(name: str, owner: str) -> Iterator[NameForm]:
    """Yield a name in words as a whole, and each of its parts that can stand alone."""
    name = _plain(name)
    parts = WORD.findall(name)
    names = sum(not word.isdecimal() for word in parts)
    is_handle = bool(_HANDLE.fullmatch(name))
    for words in _spellings(parts):
        if len(words) > 1:
            yield NameForm(words, owner, all(_is_ordinary(word) for word in words))
        for word in words:
            if len(word) < 2 or word.isdecimal() or word in _SMALL:
                continue
            if not (_is_ordinary(word) and (is_handle or names > 3)):
                yield NameForm((word,), owner, _is_ordinary(word))


def _spellings(words: list[str]) -> tuple[tuple[str, ...], ...]:
    """The words without accents, and also with "ae" for "ä" and the like."""
    plain = tuple(match_key(word) for word in words)
    german = tuple(match_key(word.casefold().translate(_UMLAUTS)) for word in words)
    return (plain,) if german == plain else (plain, german)


def _is_ordinary(word: str) -> bool:
    return word in read_words("english") or len(word) < 3


def cjk_forms_of(name: str, owner: str) -> Iterator[CjkNameForm]:
    """Yield every form of a name that is written without spaces."""
    for run in CJK_RUN.findall(_plain(name)):
        for text, after, ordinary in cjk_name_forms(run):
            yield CjkNameForm(text, owner, after, ordinary)


def list_people(authors: Iterable[Author]) -> tuple[KnownPerson, ...]:
    """Return the authors of all messages with every name they had, by falling number of messages."""
    names = dict[str, dict[str, None]]()
    counts = Counter[str]()
    for author in authors:
        counts[author.id] += 1
        names.setdefault(author.id, {})[author.name] = None
    return tuple(KnownPerson(author, tuple(names[author])) for author, _ in counts.most_common())
