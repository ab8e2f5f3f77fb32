"""A set of messages by their keys, for millions of them."""

from array import array

_TABLES = 256  # told apart by the last eight bits of a hash
_SMALLEST = 64  # places in a table; always a power of two


class KeySet:
    """Whether a message was there before, in some twenty bytes for each; Python's own set takes seventy.

    Keys are hashes of 64 bits in tables that are two thirds full at most: of ten million messages, two share
    a hash with a probability of 3e-6.
    """

    def __init__(self) -> None:
        self._tables = [array("q", bytes(8 * _SMALLEST)) for _ in range(_TABLES)]
        self._counts = [0] * _TABLES

    def add(self, platform: str, chat: str, message_id: str) -> bool:
        """Whether the key is new; it is known from now on."""
        mark = hash((platform, chat, message_id)) or 1
        which = mark & _TABLES - 1
        table = self._tables[which]
        at, last = mark >> 8, len(table) - 1
        while found := table[at & last]:
            if found == mark:
                return False
            at += 1
        table[at & last] = mark
        self._counts[which] += 1
        if 3 * self._counts[which] > 2 * len(table):
            self._tables[which] = _twice(table)
        return True


def _twice(table: "array[int]") -> "array[int]":
    larger = array("q", bytes(16 * len(table)))
    last = len(larger) - 1
    for mark in filter(None, table):
        at = mark >> 8
        while larger[at & last]:
            at += 1
        larger[at & last] = mark
    return larger
