"""The names that tell people: ordinary words are none, whoever calls themselves by one."""

import re
from functools import lru_cache

from bot.text.words import read_words

# a word of letters, and of the vowel signs of scripts that have such
_SIGNS = r"\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_WORD = re.compile(rf"(?:[^\W\d_]|[{_SIGNS}])+")
# it is cut where a capital follows a small letter: "dragonSlayer" has two
_HUMP = re.compile(r"(?<=[a-zà-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
_MOST_WORDS = 32  # of a name, which has 100 characters at most
_LONGEST_ACRONYM = 4
# "Jo99", "x_x", "Ann (2)": no dictionary has such a word
_SIGN = re.compile(r"[^\W\d_]\d|\d[^\W\d_]|_|\(\d+\)\Z")
_FIRST = re.compile(r"\w")
_CAPITAL = re.compile(r"[A-ZÀ-ÖØ-Þ]")
_ENDINGS = ("es", "s", "n", "en", "e", "ly", "ing", "ed")  # of an ordinary word that lists have without
# endings of German, French, Spanish, Portuguese and Italian nouns that no given name has
_NOUN = re.compile(r".{3,}(?:ungen|keit|keiten|heiten|schaft|tions?|ción|ciones|ção|ções|zione|zioni)")


@lru_cache(maxsize=4096)
def is_unmistakable(name: str) -> bool:
    """Return whether a line that begins with this name and a colon is a line of that person.

    It is none where each word of the name, number and sign aside, may begin a line of any text: "Note",
    "https", "Step 2", "A".
    """
    words = _WORD.findall(name)[:_MOST_WORDS]
    return not all(_is_ordinary(word) or all(map(_is_ordinary, _HUMP.split(word))) for word in words)


@lru_cache(maxsize=4096)
def is_certain(name: str) -> bool:
    """Return whether an unmistakable name is a person's wherever it stands, so no word that a list lacks.

    It begins with a given name, or has digits at letters, an underscore, a number in brackets, or a capital
    behind its first letter.
    """
    words = _WORD.findall(name)[:_MOST_WORDS]
    is_given = bool(words) and words[0].casefold() in read_words("given_names")
    first = _FIRST.search(name)
    has_capital = not name.isupper() and bool(first and _CAPITAL.search(name, first.end()))
    return is_unmistakable(name) and (is_given or has_capital or _SIGN.search(name) is not None)


def is_acronym(written: str) -> bool:
    """Return whether a label is written as an acronym, as any text has before a colon: "HP", "OOC"."""
    return written.isascii() and written.isalpha() and written.isupper() and len(written) <= _LONGEST_ACRONYM


def _is_ordinary(word: str) -> bool:
    folded = word.casefold()
    if len(folded) == 1 or folded in read_words("headings"):
        return True
    if folded in read_words("people"):
        return False
    stems = (folded.removesuffix(ending) for ending in ("", *_ENDINGS))
    return any(len(stem) > 3 - (stem == folded) and _is_listed(stem) for stem in stems) or bool(
        _NOUN.fullmatch(folded)
    )


def _is_listed(word: str) -> bool:
    return word in read_words("english") or word in read_words("headings")
