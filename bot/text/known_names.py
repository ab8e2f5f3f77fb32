"""A typed name, found among known names: in any script, case and quotes, or by its beginning."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from bot.text.folding import fold

MAX_TYPED = 100  # characters of a typed name that are compared; no known name is longer
_CLOSENESS = 0.75  # of difflib: one letter wrong, missing, too many or swapped in a short name
_MAX_NEAREST = 3
_FIRST_ACCENT = 10  # combining class; lower ones make another letter (kana's voice, nukta, virama)

Fits = Callable[[str, str], bool]  # of a typed name and a known one


@dataclass(frozen=True, slots=True)
class NameMatch:
    """The keys of the known names that fit a typed one, and where none fits, the nearest."""

    keys: tuple[str, ...]
    nearest: tuple[str, ...] = ()

    @property
    def key(self) -> str | None:
        """The one key that fits; None for none and for several."""
        return self.keys[0] if len(self.keys) == 1 else None


def find_name(typed: str, known: Mapping[str, Iterable[str]]) -> NameMatch:
    """Return the keys that somebody meant, of known spellings by key; a key is a spelling of itself.

    A whole name goes before a beginning, a beginning before the beginning of a name's later words.
    """
    typed = typed[:MAX_TYPED]
    spelt = {key: (key, *spellings) for key, spellings in known.items()}
    for plain, fits in _STEPS:
        if wanted := plain(typed):
            found = [key for key, names in spelt.items() if any(fits(wanted, plain(n)) for n in names)]
            if found:
                return NameMatch(_prefer_keys(plain(typed), found, plain))
    return NameMatch((), _nearest(typed, spelt))


def find_whole_name(typed: str, known: Mapping[str, Iterable[str]]) -> str | None:
    """Return the key of which somebody typed a whole spelling, in any case, with signs around; or None."""
    wanted = _bare(typed[:MAX_TYPED])
    return next((key for key, names in known.items() if wanted in map(_bare, (key, *names))), None)


def contains_name(typed: str, names: Iterable[str]) -> bool:
    """Return whether one of the names contains what somebody has typed so far."""
    wanted = _letters(typed[:MAX_TYPED])
    return any(wanted in _letters(name) for name in names)


def _prefer_keys(wanted: str, found: list[str], plain: Callable[[str], str]) -> tuple[str, ...]:
    """Return the one whose key is the typed name; else all."""
    same = [key for key in found if plain(key) == wanted]
    return tuple(same if len(same) == 1 else found)


def _nearest(typed: str, spelt: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the keys of the most similar spellings, the best first."""
    owners: dict[str, str] = {}
    for key, names in spelt.items():
        for name in names:
            owners.setdefault(_letters(name[:MAX_TYPED]), key)
    close = get_close_matches(_letters(typed), owners, n=2 * _MAX_NEAREST, cutoff=_CLOSENESS)
    return tuple(dict.fromkeys(owners[name] for name in close))[:_MAX_NEAREST]


def _folded(name: str) -> str:
    """Return a name without differences of case, form and blanks."""
    return " ".join(fold(name).split())


def _bare(name: str) -> str:
    """Return a folded name without the signs around it: quotes, an @ before, a full stop behind."""
    name = _folded(name)
    first, last = 0, len(name)
    while first < last and not _is_letter(name[first]):
        first += 1
    while last > first and not _is_letter(name[last - 1]):
        last -= 1
    return name[first:last]


def _letters(name: str) -> str:
    """Return a name's letters and digits, without blanks, hyphens and accents."""
    parts = unicodedata.normalize("NFKD", _folded(name))
    kept = (c for c in parts if unicodedata.combining(c) < _FIRST_ACCENT and _is_letter(c))
    return unicodedata.normalize("NFC", "".join(kept))


def _is_letter(sign: str) -> bool:
    """Return whether a character is part of a word: a letter, a digit, a mark on one, or an emoji."""
    return unicodedata.category(sign)[0] in "LNM" or unicodedata.category(sign) == "So"


def _is_same(typed: str, name: str) -> bool:
    return typed == name


def _begins(typed: str, name: str) -> bool:
    return name.startswith(typed)


def _begins_word(typed: str, name: str) -> bool:
    return f" {typed}" in f" {name}"


_STEPS: tuple[tuple[Callable[[str], str], Fits], ...] = (
    (_folded, _is_same),
    (_bare, _is_same),
    (_letters, _is_same),
    (_bare, _begins),
    (_letters, _begins),
    (_bare, _begins_word),
)
