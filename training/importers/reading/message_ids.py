"""Ids of messages whose export has none, or has some that cannot be relied on."""

from training.importers.reading.normalise import derived_id
from training.store.key_set import KeySet

_NO_IDS = frozenset(("", "0", "-1", "null", "None"))


class MessageIds:
    """The ids of one file's messages; a message's id does not depend on what else the file holds."""

    def __init__(self) -> None:
        self._derived, self._repeats = KeySet(), dict[tuple[str, str], int]()
        self._own, self._timed = KeySet(), KeySet()

    def derive(self, chat: str, *parts: object) -> str:
        """Return an id made of the parts, and of how often this chat has had a message with these parts."""
        base = derived_id(*parts)
        if self._derived.add("", chat, base):
            return derived_id(base, 0)
        key = chat, base
        count = self._repeats[key] = self._repeats.get(key, 0) + 1
        return derived_id(base, count)

    def choose(self, id: str, chat: str, time: float, *parts: object) -> str:
        """Return an export's own id; one made of the time and the parts where it is missing or used again."""
        if not is_id(id):
            return self.derive(chat, time, *parts)
        is_new = self._own.add("", chat, id)
        is_same = not self._timed.add("", chat, f"{id} {time}")
        return id if is_new or is_same else self.derive(chat, time, *parts)


def is_id(id: str) -> bool:
    """Return whether a text is an id, and not one of the words for none."""
    return id not in _NO_IDS
