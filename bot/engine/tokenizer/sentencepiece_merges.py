"""Merges of BPE from the scores of SentencePiece, whose files name no merges."""

from collections.abc import Collection, Mapping

Merge = tuple[str, str]


def merges_of(pieces: Mapping[str, int], ranks: Mapping[str, int], shortest_first: bool) -> list[Merge]:
    """Return the merges that make each ranked piece of two others, the best rank first.

    `pieces` are all that may be a part, by id; `ranks` has the rank of pieces that merging makes, the lowest
    first. `shortest_first`: of the merges that make one piece, those with a short left part come first.
    """
    merges: list[Merge] = []
    for piece in sorted(ranks, key=ranks.__getitem__):
        parts = _parts(piece, pieces)
        merges += parts if shortest_first else parts[::-1]
    return merges


def _parts(piece: str, pieces: Collection[str]) -> list[Merge]:
    cuts = range(1, len(piece))
    return [
        (left, right) for cut in cuts if (left := piece[:cut]) in pieces and (right := piece[cut:]) in pieces
    ]
