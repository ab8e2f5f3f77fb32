"""Names of people who were forgotten: keyed hashes of their forms, found again in what others say."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial

import msgspec

from training.scrub.normalise import match_key
from training.scrub.roster import CJK_RUN, WORD, CjkNameForm, NameForm, cjk_forms_of, word_forms_of

_LONGEST = 12  # words of a name, or characters of one without spaces
_LONGEST_FORM = 200  # characters: longer words of a text are no name, and are not kept to look them up again


class HashedForm(msgspec.Struct, frozen=True, array_like=True):
    """The keyed hash of a form of a name, its size in words or characters, and what its finder must know.

    `after` counts the characters of a title at the end of a form without spaces.
    """

    hash: str
    size: int
    ordinary: bool = False
    is_cjk: bool = False
    after: int = 0


def hash_name(key: bytes, name: str) -> frozenset[HashedForm]:
    """Return the hashed forms of a name; without the key, they tell nothing about it."""
    words = (
        HashedForm(_hash(key, " ".join(form.words)), len(form.words), form.ordinary)
        for form in word_forms_of(name, "")
    )
    written = (
        HashedForm(_hash(key, form.text), len(form.text), form.ordinary, True, form.after)
        for form in cjk_forms_of(name, "")
    )
    return frozenset(form for form in (*words, *written) if form.size <= _LONGEST)


def _hash(key: bytes, form: str) -> str:
    return hmac.digest(key, b"name\0" + form.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:32]


class ForgottenNames:
    """The names of forgotten people by their hashes; `people` are their hashed forms by pseudonym."""

    def __init__(self, key: bytes, people: Mapping[str, Iterable[HashedForm]]) -> None:
        self.people = frozenset(people)
        self._owners = dict[tuple[str, bool], tuple[HashedForm, str]]()
        for person, forms in sorted(people.items()):
            for form in forms:
                self._owners.setdefault((form.hash, form.is_cjk), (form, person))
        self._word_sizes, self._cjk_sizes = self._sizes(False), self._sizes(True)
        self._hash = lru_cache(maxsize=1 << 16)(partial(_hash, key))

    def _sizes(self, is_cjk: bool) -> list[int]:
        return sorted({form.size for form, _ in self._owners.values() if form.is_cjk == is_cjk})

    def __contains__(self, name: str) -> bool:
        """Return True for a form of a forgotten person's name, as `match_key` has it."""
        return any(self._owner(name, is_cjk) for is_cjk in (False, True))

    def _owner(self, form: str, is_cjk: bool) -> tuple[HashedForm, str] | None:
        return self._owners.get((self._hash(form), is_cjk)) if len(form) <= _LONGEST_FORM else None

    def find_forms(self, text: str) -> Iterator[NameForm | CjkNameForm]:
        """Yield every form of a forgotten name in a normalised text."""
        if self._word_sizes:
            yield from self._find_words([match_key(word) for word in WORD.findall(text)])
        if self._cjk_sizes and not text.isascii():
            for run in CJK_RUN.findall(text):
                yield from self._find_cjk(run)

    def _find_words(self, words: list[str]) -> Iterator[NameForm]:
        for size in self._word_sizes:
            for start in range(len(words) - size + 1):
                first, *more = words[start : start + size]
                for stem in (first,) if more else _stems(first):
                    if found := self._owner(" ".join((stem, *more)), False):
                        yield NameForm((stem, *more), found[1], found[0].ordinary)

    def _find_cjk(self, run: str) -> Iterator[CjkNameForm]:
        for size in self._cjk_sizes:
            for start in range(len(run) - size + 1):
                text = run[start : start + size]
                if found := self._owner(text, True):
                    yield CjkNameForm(text, found[1], found[0].after, found[0].ordinary)


def _stems(word: str) -> set[str]:
    """Return a word, and it without an s or a repeated letter at its end, as `NameFinder` inflects names."""
    if len(word) < 4 or not (word[-1] == "s" or word[-1] == word[-2]):
        return {word}
    return {word, word[:-1], word.rstrip(word[-1]) + word[-1]}
