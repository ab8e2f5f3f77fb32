"""Near-duplicate texts: MinHash signatures over character shingles, and banding to find similar pairs."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from training.scrub.normalise import limit_marks

Signature = NDArray[np.uint32]

SHINGLE = 5  # characters
ROWS, BANDS = (
    5,
    12,
)  # of two texts that share 80 % of their shingles, 99 % are found: 1 - (1 - 0.8 ** 5) ** 12
SIMILAR = 0.8  # the share of common shingles of near-duplicates; 60 hashes estimate it to 0.05
_BLOCK = 4096  # shingles hashed at once
_MAX_BUCKET = 64  # texts with the same band; of more, each is compared with the first ones only
NO_SIGNATURE: Signature = np.empty(0, np.uint32)
_RNG = np.random.default_rng(5)  # any seed does, as long as it stays
_FACTORS = _RNG.integers(1, 1 << 63, ROWS * BANDS, dtype=np.uint64) | np.uint64(1)
_TERMS = _RNG.integers(0, 1 << 63, ROWS * BANDS, dtype=np.uint64)
_BASE = np.uint64(1_099_511_628_211)
_PUNCTUATION = re.compile(r"[\W_]+")
_HELD = re.compile(r"([^\W\d_])\1{2,}+")


def normal_form(text: str) -> str:
    """Return a text's form for comparing: no case, no punctuation, a letter that was held down once.

    A letter counts as held down from the third in a row on ("sooo"), in a word that has others; digits never
    do. A text without letters becomes the sorted set of its characters: a repeated smile is the same smile.
    What this form loses and must not be lost is in `details_of`.
    """
    folded = unicodedata.normalize("NFKC", limit_marks(text)).casefold()
    words = _PUNCTUATION.sub(" ", folded).strip()
    return _HELD.sub(_once, words) or "".join(sorted(set("".join(folded.split()))))


def _once(held: "re.Match[str]") -> str:
    """Return the letter of a run once, unless the run is the whole word, as in "iii" and "www"."""
    text, start, end = held.string, held.start(), held.end()
    is_word = text[start - 1 : start] in ("", " ") and text[end : end + 1] in ("", " ")
    return held[0] if is_word else held[1]


def minhash(words: str) -> Signature:
    """Return a MinHash signature [60]: two texts share as many hashes as shingles (Broder 1997).

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
    least = np.full(ROWS * BANDS, np.iinfo(np.uint64).max, np.uint64)
    for start in range(0, last, _BLOCK):  # 60 hashes of all shingles at once would take 480 bytes a character
        hashes = np.multiply.outer(_FACTORS, shingles[start : start + _BLOCK])
        hashes += _TERMS[:, None]
        np.minimum(least, hashes.min(axis=1), out=least)
    signature: Signature = (least >> np.uint64(32)).astype(np.uint32)
    return signature


def similarity(one: Signature, other: Signature) -> float:
    """Return the estimated share of shingles that two texts have in common."""
    return float((one == other).mean())


def near_duplicates(
    signatures: Sequence[Signature], groups: Sequence[int] | None = None, least: float = SIMILAR
) -> set[int]:
    """Return the numbers of texts that are similar to an earlier text that stays; no empty signature is.

    Only texts of one group are compared. `least` is the share of common shingles from which they are similar.
    """
    earlier: dict[int, list[int]] = {}
    for one, other in sorted(set(similar_pairs(signatures, groups, least))):
        earlier.setdefault(other, []).append(one)
    removed = set[int]()
    for other in sorted(earlier):
        if not removed.issuperset(earlier[other]):
            removed.add(other)
    return removed


def similar_pairs(
    signatures: Sequence[Signature], groups: Sequence[int] | None = None, least: float = SIMILAR
) -> Iterator[tuple[int, int]]:
    """Yield similar pairs of one group among the texts that share a band, the earlier text first.

    A pair comes once for each band that it shares.
    """
    numbers = np.array([number for number, each in enumerate(signatures) if len(each)])
    if len(numbers) < 2:
        return
    table = np.stack([signatures[number] for number in numbers])
    group = np.array([groups[number] if groups else 0 for number in numbers], np.uint64)
    for band in range(BANDS):
        keys = _keys(table[:, band * ROWS : (band + 1) * ROWS]) ^ group
        rows = np.argsort(keys, kind="stable")
        borders = np.flatnonzero(np.diff(keys[rows])) + 1
        for bucket in np.split(rows, borders):
            if len(bucket) > 1:
                for one, other in _similar(np.sort(bucket), table, least):
                    if group[one] == group[other]:
                        yield int(numbers[one]), int(numbers[other])


def _keys(rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
    factors = _FACTORS[:ROWS] ^ _TERMS[:ROWS]
    keys: NDArray[np.uint64] = (rows.astype(np.uint64) * (factors | np.uint64(1))).sum(
        axis=1, dtype=np.uint64
    )
    return keys


def _similar(
    bucket: NDArray[np.intp], table: NDArray[np.uint32], least: float
) -> Iterator[tuple[np.intp, np.intp]]:
    for place, one in enumerate(bucket[:_MAX_BUCKET]):
        others = bucket[place + 1 :]
        shares = (table[others] == table[one]).mean(axis=1)
        for other in others[shares >= least]:
            yield one, other
