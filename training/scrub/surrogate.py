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
    """Return a different invented name for every person; `people` maps ids to the words of their names.

    A name is the HMAC-SHA256 of the id under the key, spelt in syllables, so that it depends on the key and
    the id alone. The next attempt counts if the name is `taken` (an ordinary word, a person's name) or holds
    such a word in Chinese characters, holds a word of the person's own name, or is another person's
    surrogate.
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
