"""A compact set of message keys, for millions of messages."""

from array import array

_TABLES = 256  # chosen by eight bits of a hash
_SMALLEST = 64  # places in a table; always a power of two


class KeySet:
    """A hash set of messages, in some twenty bytes for each; Python's own set takes seventy.

    Keys are hashes of 63 bits in tables that are two thirds full at most: of ten million messages, two share
    a hash with a probability of 6e-6. The last bit of an entry says whether this import added it.
    """

    def __init__(self) -> None:
        self._tables = [array("q", bytes(8 * _SMALLEST)) for _ in range(_TABLES)]
        self._counts = [0] * _TABLES
        self._generation = 0

    def begin_import(self) -> None:
        """Mark the keys that are added from now on as those of this import."""
        self._generation = 1

    def add(self, platform: str, chat: str, message_id: str) -> bool:
        """Add a key; return whether it is new."""
        key_hash = hash((platform, chat, message_id)) & -2 or 2
        number = key_hash >> 1 & _TABLES - 1
        table = self._tables[number]
        at, last = key_hash >> 9, len(table) - 1
        while found := table[at & last]:
            if found & -2 == key_hash:
                return False
            at += 1
        table[at & last] = key_hash | self._generation
        self._counts[number] += 1
        if 3 * self._counts[number] > 2 * len(table):
            self._tables[number] = _twice(table)
        return True

    def is_of_this_import(self, platform: str, chat: str, message_id: str) -> bool:
        """Return whether a key was added since `begin_import`."""
        key_hash = hash((platform, chat, message_id)) & -2 or 2
        table = self._tables[key_hash >> 1 & _TABLES - 1]
        at, last = key_hash >> 9, len(table) - 1
        while found := table[at & last]:
            if found & -2 == key_hash:
                return bool(found & 1)
            at += 1
        return False


def _twice(table: "array[int]") -> "array[int]":
    larger = array("q", bytes(16 * len(table)))
    last = len(larger) - 1
    for key_hash in filter(None, table):
        at = key_hash >> 9
        while larger[at & last]:
            at += 1
        larger[at & last] = key_hash
    return larger
