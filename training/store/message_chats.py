"""A compact index from messages to the chats that hold them, for millions of messages."""

from array import array

_TABLES = 256  # chosen by eight bits of a hash
_SMALLEST = 16  # places in a table; always a power of two
_BITS = 24  # of an entry: the number of the chat; the others are bits of the message's hash
MOST_CHATS = (1 << _BITS) - 1
_MOST_SHARED = 64  # chats of one message that are kept: a greeting to all contacts tells no chats apart


class MessageChats:
    """A hash table of (message, chat) pairs, in some twelve bytes for each.

    A message may stand in several chats. Entries compare 39 bits of a hash, behind the eight that choose a
    table: of ten million messages, one is found in a wrong chat with a probability of 7e-8.
    """

    def __init__(self) -> None:
        self._tables = [array("q", bytes(8 * _SMALLEST)) for _ in range(_TABLES)]
        self._counts = [0] * _TABLES

    def add(self, platform: str, message_id: str, chat: int) -> None:
        """Note that a chat (1 to MOST_CHATS) holds a message."""
        number, start = _split(platform, message_id)
        table = self._tables[number]
        at, last, equal = start, len(table) - 1, 0
        while entry := table[at & last]:
            equal += entry >> _BITS == start
            at += 1
        if equal >= _MOST_SHARED:
            return
        table[at & last] = start << _BITS | chat
        self._counts[number] += 1
        if 3 * self._counts[number] > 2 * len(table):
            self._tables[number] = _twice(table)

    def find(self, platform: str, message_id: str) -> list[int]:
        """Return the chats that hold a message."""
        number, start = _split(platform, message_id)
        table = self._tables[number]
        at, last, found = start, len(table) - 1, list[int]()
        while entry := table[at & last]:
            if entry >> _BITS == start:
                found.append(entry & MOST_CHATS)
            at += 1
        return found


def _split(platform: str, message_id: str) -> tuple[int, int]:
    """Return the number of the table, and the part of the hash that its entries keep."""
    key_hash = hash((platform, message_id)) & (1 << 47) - 1
    return key_hash & _TABLES - 1, key_hash >> 8


def _twice(table: "array[int]") -> "array[int]":
    larger = array("q", bytes(16 * len(table)))
    last = len(larger) - 1
    for entry in filter(None, table):
        at = entry >> _BITS
        while larger[at & last]:
            at += 1
        larger[at & last] = entry
    return larger
