"""Ids of messages whose export has none, or has some that cannot be relied on."""

from training.importers.reading.normalise import derived_id

_RECENT = 1 << 14  # messages among which a repeat is looked for: equal ones have one time and stand together
_NO_IDS = frozenset(("", "0", "-1", "null", "None"))


class MessageIds:
    """The ids of one file's messages; a message's id does not depend on what else the file holds."""

    def __init__(self) -> None:
        self._counts, self._earlier = dict[str, int](), dict[str, int]()

    def derive(self, chat: str, *parts: object) -> str:
        """Return an id made of the parts, and of how often this chat has had a message with these parts."""
        base = derived_id(*parts)
        key = chat + base
        count = self._counts.get(key)
        if count is None:
            count = self._earlier.get(key, 0)
            if len(self._counts) >= _RECENT:
                self._counts, self._earlier = {}, self._counts
        self._counts[key] = count + 1
        return derived_id(base, count)

    def choose(self, id: str, chat: str, time: float, *parts: object) -> str:
        """Return an export's own id; one made of the time and the parts where it is missing.

        An id that is used again for another time is told apart by the keys of the message store.
        """
        return id if is_id(id) else self.derive(chat, time, *parts)


def is_id(id: str) -> bool:
    """Return whether a text is an id, and not one of the words for none."""
    return id not in _NO_IDS
