"""From the messages of one chat to conversations: reply links first, then silences by its own rhythm."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from training.store.messages import ExportedMessage

USUAL = 3600.0  # seconds: where gaps between people's acts part into two kinds, arXiv 1411.2878
SHORTEST, LONGEST = 600.0, 43_200.0  # seconds between which a valley is looked for
BURST = 120.0  # seconds; what somebody adds later than that is said anew
_FEWEST = 100  # gaps; fewer have no rhythm
_BIN = 0.5  # octaves
_HEIGHT = 0.7  # how high a valley is at most, as a share of the lower of its two hills
_HILL = 0.005  # how far such a hill rises out of it at least, as a share of all gaps


def silence(times: Sequence[float]) -> float:
    """The seconds of silence after which a new conversation begins in a chat.

    Gaps between messages make two hills over the logarithm of their length, within conversations and between
    them (arXiv 1411.2878). The valley between the hills of this chat's own gaps is taken if it is deep enough
    and within bounds, `USUAL` otherwise.
    """
    gaps = np.diff(np.sort(np.asarray(times, dtype=float)))
    gaps = np.log2(gaps[gaps > 0])
    if len(gaps) < _FEWEST:
        return USUAL
    edges = np.arange(0, 28, _BIN)  # up to eight years
    counts = np.convolve(np.histogram(gaps, edges)[0], [0.25, 0.5, 0.25], "same")
    left, right = np.maximum.accumulate(counts), np.maximum.accumulate(counts[::-1])[::-1]
    hills = np.minimum(left, right)
    middles = edges[:-1] + _BIN / 2
    within = (middles >= np.log2(SHORTEST)) & (middles <= np.log2(LONGEST))
    depths = np.where(within & (counts <= _HEIGHT * hills), hills - counts, 0)
    deepest = depths.max()
    if deepest < _HILL * len(gaps):
        return USUAL
    flat = middles[depths >= deepest - 1e-9]
    return float(2.0 ** flat[np.argmin(np.abs(flat - np.log2(USUAL)))])


def sessions(messages: Iterable[ExportedMessage], gap: float) -> Iterator[tuple[int, ExportedMessage]]:
    """Each message of one chat, in order, with the number of its conversation, from 0.

    A new one begins after a silence of more than `gap` seconds, unless the message replies to the one before.
    """
    number, before, known = 0, None, set[str]()
    for said in messages:
        if before is not None and said.time - before > gap and said.reply_to not in known:
            number += 1
            known.clear()
        before = said.time
        known.add(said.id)
        yield number, said


def goes_on(last: ExportedMessage, said: ExportedMessage, burst: Iterable[ExportedMessage]) -> bool:
    """Whether a message of the same author still belongs to the burst that `last` was the end of.

    It does if it comes soon, and does not turn to something else than the burst did.
    """
    if said.time - last.time > BURST:
        return False
    turned = {earlier.reply_to for earlier in burst} | {earlier.id for earlier in burst} | {None}
    return said.reply_to in turned
