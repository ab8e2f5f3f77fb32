"""Conversations of one chat: reply links join messages, and silences longer than the chat's gap part them."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from training.store.messages import ExportedMessage

USUAL = 3600.0  # seconds; the border between two kinds of gaps in what people do, arXiv 1411.2878
SHORTEST, LONGEST = 600.0, 43_200.0  # seconds; the valley lies between them
BURST = 120.0  # seconds; a message after a longer gap begins a new burst
_FEWEST = 100  # gaps; fewer have no rhythm
_BIN = 0.5  # octaves
_HEIGHT = 0.7  # how high a valley is at most, as a share of the lower of its two hills
_HILL = 0.005  # how far such a hill rises out of it at least, as a share of all gaps


def session_gap(times: Sequence[float]) -> float:
    """Return the seconds of silence after which a new conversation begins in a chat.

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


def number_sessions(messages: Iterable[ExportedMessage], gap: float) -> Iterator[tuple[int, ExportedMessage]]:
    """Yield each message of a chat, oldest first, with the number of its conversation, from 0.

    A new one begins after a silence of more than `gap` seconds, unless the message replies to a message of
    the current conversation.
    """
    number, last_time, ids = 0, None, set[str]()
    for message in messages:
        if last_time is not None and message.time - last_time > gap and message.reply_to not in ids:
            number += 1
            ids.clear()
        last_time = message.time
        ids.add(message.id)
        yield number, message


def continues_burst(
    last: ExportedMessage, message: ExportedMessage, burst: Iterable[ExportedMessage]
) -> bool:
    """Return whether a message of the same author belongs to the burst that ends with `last`.

    It does if it comes within `BURST` seconds, and replies to nothing that the burst did not reply to.
    """
    if message.time - last.time > BURST:
        return False
    parents = {earlier.reply_to for earlier in burst} | {earlier.id for earlier in burst} | {None}
    return message.reply_to in parents
