"""Chats that go on under another name: a group was renamed, or its name is the list of who wrote in it.

Exports without ids call a chat by its title, by the file or by its authors. The same chat is recognised by
its messages: in the time that both names have in common, they hold the same words of the same people.
"""

from array import array
from dataclasses import dataclass, field

from training.store.message_chats import MOST_CHATS, MessageChats

_SHARE = 0.5  # of the messages of the common time, at least: some were edited or deleted since
_SURE = 5  # messages of one person that two lists of recipients would not share
_TRIED = 8  # earlier chats that share the most messages
_AUTHORS = 8  # of a chat that are kept: a name made of authors has at most six


@dataclass(slots=True)
class _Chat:
    """A chat's own messages with words: how many, by whom, and when (Unix seconds)."""

    platform: str
    name: str
    root: int  # the number of the chat that it goes on, or its own
    worded: int = 0
    first: float = float("inf")
    last: float = 0.0
    authors: set[str] = field(default_factory=set)

    def add(self, author: str, time: float) -> None:
        self.worded += 1
        self.first, self.last = min(self.first, time), max(self.last, time)
        if len(self.authors) < _AUTHORS:
            self.authors.add(author)

    @property
    def is_named_after_authors(self) -> bool:
        return self.authors.issuperset(self.name.split(" & "))


@dataclass(slots=True)
class _Shared:
    """The messages that a new chat shares with an earlier one."""

    messages: int = 0
    authors: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Unsettled:
    """A chat under a name that is new: the times of its messages with words, and what earlier chats share."""

    times: "array[float]" = field(default_factory=lambda: array("d"))
    shared: dict[int, _Shared] = field(default_factory=dict)


class ChatMatcher:
    """All chats whose names may change, and those that go on an earlier one.

    `joined` maps (platform, name) to the name that the chat had first.
    """

    def __init__(self) -> None:
        self.joined: dict[tuple[str, str], str] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._chats: list[_Chat] = []
        self._index = MessageChats()
        self._source = ""
        self._unsettled: dict[int, _Unsettled] = {}

    def add_earlier(self, platform: str, name: str, message_id: str, author: str, time: float) -> None:
        """Note a message with words that is in messages.jsonl."""
        number = self._number(platform, name)
        if number:
            self._chats[number - 1].add(author, time)
            self._index.add(platform, message_id, number)

    def add(self, platform: str, name: str, message_id: str, author: str, time: float, source: str) -> None:
        """Note a message with words of the export `source`, whose messages come one after another."""
        if source != self._source:
            self.settle()
            self._source = source
        is_new = (platform, name) not in self._numbers
        number = self._number(platform, name)
        if not number:
            return
        if is_new:
            self._unsettled[number] = _Unsettled()
        if unsettled := self._unsettled.get(number):
            unsettled.times.append(time)
            for other in self._index.find(platform, message_id):
                if other != number:
                    shared = unsettled.shared.setdefault(other, _Shared())
                    shared.messages += 1
                    if len(shared.authors) < 2:
                        shared.authors.add(author)
        self._chats[number - 1].add(author, time)
        self._index.add(platform, message_id, number)

    def settle(self) -> None:
        """At the end of an export: decide which of its new chats go on an earlier one."""
        for number, unsettled in self._unsettled.items():
            if (root := self._root(number, unsettled)) != number:
                chat = self._chats[number - 1]
                chat.root = root
                self.joined[chat.platform, chat.name] = self._chats[root - 1].name
        self._unsettled.clear()

    def _number(self, platform: str, name: str) -> int:
        """Return a chat's number, counted from 1; 0 when there is no number left."""
        number = self._numbers.get((platform, name), 0)
        if not number and len(self._chats) < MOST_CHATS:
            number = self._numbers[platform, name] = len(self._chats) + 1
            self._chats.append(_Chat(platform, name, root=number))
        return number

    def _root(self, number: int, unsettled: _Unsettled) -> int:
        """Return the number of the chat that a new chat goes on, or its own."""
        chat = self._chats[number - 1]
        by_messages = sorted(unsettled.shared.items(), key=lambda item: -item[1].messages)
        for other, shared in by_messages[:_TRIED]:
            if _is_same(chat, self._chats[other - 1], unsettled, shared):
                return self._chats[other - 1].root
        return number


def _is_same(new: _Chat, old: _Chat, unsettled: _Unsettled, shared: _Shared) -> bool:
    """Return whether two names stand for one chat.

    Two people said the same at the same times in both, or one holds all that the other holds: a greeting that
    one person sends to many chats in one minute makes no two chats one.
    """
    is_named_after_authors = new.is_named_after_authors or old.is_named_after_authors
    holds_all = shared.messages >= min(new.worded, old.worded)
    if len(shared.authors) < 2 and not (holds_all and (shared.messages >= _SURE or is_named_after_authors)):
        return False
    common = sum(old.first <= time <= old.last for time in unsettled.times)
    return shared.messages >= _SHARE * common
