"""The invented names of people in training data."""

import hmac
from collections.abc import Container
from typing import NamedTuple

from training.scrub.detectors.lists import word_list

_ATTEMPTS = 200  # the last ones have more than twenty syllables: one is always free


class Surrogate(NamedTuple):
    """One invented name, in Latin letters and in Chinese characters."""

    latin: str
    han: str


def draw_surrogates(
    people: dict[str, frozenset[str]], taken: Container[str], key: bytes
) -> dict[str, Surrogate]:
    """An invented name for every person, given by id with the words they are called by; no two are alike.

    Each depends on the key and the id alone, unless it is `taken` (an ordinary word, somebody's name) or
    holds what is, holds a name of the person's own, or is another person's already: then the next one is
    drawn.
    """
    surrogates, seen = dict[str, Surrogate](), set[str]()
    for person in sorted(people, key=lambda one: _digest(key, one, 0)):
        draws = (_spell(_digest(key, person, attempt), attempt) for attempt in range(_ATTEMPTS))
        name = next(one for one in draws if one.latin not in seen and _is_free(one, taken, people[person]))
        seen.add(name.latin)
        surrogates[person] = name
    return surrogates


def _is_free(name: Surrogate, taken: Container[str], own: frozenset[str]) -> bool:
    plain, size = name.latin.lower(), len(name.han)
    parts = (name.han[start:end] for start in range(size) for end in range(start + 1, size + 1))
    return not (plain in taken or any(part in taken for part in parts) or any(word in plain for word in own))


def _digest(key: bytes, person: str, attempt: int) -> int:
    text = f"{attempt}:{person}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hmac.digest(key, text, "sha256"), "big")


def _spell(number: int, attempt: int) -> Surrogate:
    """Spell a number in three syllables, of which there are 41,160; in four from the eleventh attempt on."""
    first, middle, last = (choice.split() for choice in " ".join(word_list("syllables")).split("/"))
    syllables = list[tuple[str, str]]()
    for choice in (first, *([middle] * (1 + attempt // 10)), last):
        number, index = divmod(number, len(choice))
        syllables.append((choice[index][:-1], choice[index][-1]))
    return Surrogate("".join(latin for latin, _ in syllables), "".join(han for _, han in syllables))
