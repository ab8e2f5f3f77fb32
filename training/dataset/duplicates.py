"""Texts that say the same in nearly the same words: MinHash over shingles, and the pairs that it finds."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

Signature = NDArray[np.uint32]

SHINGLE = 5  # characters
ROWS, BANDS = (
    5,
    12,
)  # of two texts that share 80 % of their shingles, 99 % are found: 1 - (1 - 0.8 ** 5) ** 12
SIMILAR = (
    0.8  # the share from which on two texts are the same; estimated from 60 hashes, so give or take 0.05
)
_MAX_BUCKET = 64  # texts that fall together; of more, each is compared with the first ones only
NO_SIGNATURE: Signature = np.empty(0, np.uint32)
_RNG = np.random.default_rng(5)  # any seed does, as long as it stays
_FACTORS = _RNG.integers(1, 1 << 63, ROWS * BANDS, dtype=np.uint64) | np.uint64(1)
_TERMS = _RNG.integers(0, 1 << 63, ROWS * BANDS, dtype=np.uint64)
_BASE = np.uint64(1_099_511_628_211)
_PUNCTUATION = re.compile(r"[\W_]+")


def normal_form(text: str) -> str:
    """A text as far as it matters for comparing: no case, no marks, no letter twice in a row.

    Of a text without letters, what it consists of: a smile is the same however often it is repeated.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = _PUNCTUATION.sub(" ", folded).strip()
    return "".join(letter for letter, _ in groupby(words)) or "".join(sorted(set("".join(folded.split()))))


def minhash(words: str) -> Signature:
    """60 hashes: of two texts, as many are equal as shingles are shared (Broder 1997).

    Each is the least of all shingles' hashes by multiply and shift (Dietzfelbinger et al. 1997).
    """
    padded = words.ljust(SHINGLE).encode("utf-32-le", "replace")
    letters = np.frombuffer(padded, np.uint32).astype(np.uint64)
    last = len(letters) - SHINGLE + 1
    shingles = letters[:last].copy()
    for place in range(1, SHINGLE):
        shingles *= _BASE
        shingles += letters[place : place + last]
    shingles ^= shingles >> np.uint64(29)
    hashes = np.multiply.outer(_FACTORS, shingles)
    hashes += _TERMS[:, None]
    least: Signature = (hashes.min(axis=1) >> np.uint64(32)).astype(np.uint32)
    return least


def similarity(one: Signature, other: Signature) -> float:
    """The share of shingles that two texts have in common, estimated."""
    return float((one == other).mean())


def near_duplicates(signatures: Sequence[Signature]) -> set[int]:
    """The texts that are nearly the same as an earlier one that stays; empty signatures are like nothing."""
    earlier: dict[int, list[int]] = {}
    for one, other in sorted(set(_pairs(signatures))):
        earlier.setdefault(other, []).append(one)
    gone = set[int]()
    for other in sorted(earlier):
        if not gone.issuperset(earlier[other]):
            gone.add(other)
    return gone


def _pairs(signatures: Sequence[Signature]) -> Iterator[tuple[int, int]]:
    """Pairs that are alike, the earlier one first, from those that fall together in at least one band."""
    numbers = np.array([number for number, each in enumerate(signatures) if len(each)])
    if len(numbers) < 2:
        return
    table = np.stack([signatures[number] for number in numbers])
    for band in range(BANDS):
        keys = _keys(table[:, band * ROWS : (band + 1) * ROWS])
        rows = np.argsort(keys, kind="stable")
        borders = np.flatnonzero(np.diff(keys[rows])) + 1
        for crowd in np.split(rows, borders):
            if len(crowd) > 1:
                yield from _alike(np.sort(crowd), table, numbers)


def _keys(rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
    factors = _FACTORS[:ROWS] ^ _TERMS[:ROWS]
    keys: NDArray[np.uint64] = (rows.astype(np.uint64) * (factors | np.uint64(1))).sum(
        axis=1, dtype=np.uint64
    )
    return keys


def _alike(
    crowd: NDArray[np.intp], table: NDArray[np.uint32], numbers: NDArray[np.intp]
) -> Iterator[tuple[int, int]]:
    for place, one in enumerate(crowd[:_MAX_BUCKET]):
        others = crowd[place + 1 :]
        shares = (table[others] == table[one]).mean(axis=1)
        for other in others[shares >= SIMILAR]:
            yield int(numbers[one]), int(numbers[other])
