"""The keys by which a message is known again: platform, chat and id, also where a chat's name has changed."""

from collections.abc import Iterable, Mapping

import msgspec

from training.store.chat_matching import ChatMatcher
from training.store.key_set import KeySet
from training.store.messages import ExportedMessage

_Key = tuple[str, str, str]
# Platforms whose own ids are unique in a chat. Other programs copy a platform's databases, each of which
# numbers its messages anew: there, a key is the id with the time.
_UNIQUE_IDS = frozenset(("telegram", "discord", "x", "slack", "reddit", "weibo"))


class LineKey(msgspec.Struct, gc=False):
    """The fields of a line of messages.jsonl that its key is made of, and the persona's mark."""

    platform: str
    chat: str
    id: str
    author: str
    time: float = 0.0
    is_self: bool | None = None
    chat_name: str = ""


class _Line(msgspec.Struct, gc=False):
    platform: str
    chat: str
    id: str
    author: str
    source: str
    time: float = 0.0
    text: str = ""


_LINES = msgspec.json.Decoder(_Line)


class MessageKeys:
    """The keys of messages.jsonl and of an import.

    `added` counts new messages, `known` those that an earlier import brought, and `repeated` those that this
    import holds twice. `joined` has the chats of this import that go on another one: (platform, name) to
    the name that the chat had first.
    """

    def __init__(self) -> None:
        self.added = self.known = self.repeated = 0
        self.joined: Mapping[tuple[str, str], str] = {}
        self._keys = KeySet()
        # by platform, the chats that exports know by a name only: True for those of an earlier import
        self._names: dict[str, dict[str, bool]] = {}
        self._last_platform, self._last_chat = "", ""

    def add_earlier(self, key: LineKey) -> None:
        """Note a line that is in the file."""
        self._keys.add(key.platform, key.chat, _key_id(key.platform, key.id, key.time))
        if _has_name_only(key.chat, key.chat_name, key.id):
            self._names.setdefault(key.platform, {})[key.chat] = True

    def begin_import(self) -> None:
        """Count messages from now on."""
        self._keys.begin_import()

    def add(self, message: ExportedMessage) -> bool:
        """Count a message of the import; return whether it is new."""
        platform, chat, id = message.platform, message.chat, message.id
        if chat != self._last_chat or platform != self._last_platform:
            self._last_platform, self._last_chat = platform, chat
            if _has_name_only(chat, message.chat_name, id):
                self._names.setdefault(platform, {}).setdefault(chat, False)
        if platform not in _UNIQUE_IDS:
            id = _key_id(platform, id, message.time)
        if self._keys.add(platform, chat, id):
            self.added += 1
            return True
        self._count_again((platform, chat, id))
        return False

    @property
    def has_new_names(self) -> bool:
        """True where this import has a chat under a new name that may go on another one of its platform."""
        return any(len(names) > 1 and not all(names.values()) for names in self._names.values())

    def find_joined(self, lines: Iterable[bytes], earlier: int) -> bool:
        """Return whether any new name stands for another chat.

        `lines` are all messages, those of earlier imports first, which are `earlier` in number.
        """
        matcher, beginnings = ChatMatcher(), tuple(_beginning(platform) for platform in self._names)
        for number, text in enumerate(lines):
            if not text.startswith(beginnings):
                continue
            line = _LINES.decode(text)
            if not line.text or line.chat not in self._names.get(line.platform, ()):
                continue
            id = _key_id(line.platform, line.id, line.time)
            if number < earlier:
                matcher.add_earlier(line.platform, line.chat, id, line.author, line.time)
            else:
                matcher.add(line.platform, line.chat, id, line.author, line.time, line.source)
        matcher.settle()
        self.joined = matcher.joined
        return bool(self.joined)

    def move(self, message: ExportedMessage) -> ExportedMessage | None:
        """Return a new message in the chat that its own goes on; None if that chat has it already."""
        name = self.joined.get((message.platform, message.chat))
        if name is None:
            return message
        key = message.platform, name, _key_id(message.platform, message.id, message.time)
        if self._keys.add(*key):
            return msgspec.structs.replace(message, chat=name)
        self.added -= 1
        self._count_again(key)
        return None

    def _count_again(self, key: _Key) -> None:
        if self._keys.is_of_this_import(*key):
            self.repeated += 1
        else:
            self.known += 1


def _beginning(platform: str) -> bytes:
    """Return the bytes with which a line of a platform begins."""
    return b'{"platform":' + msgspec.json.encode(platform)


def _key_id(platform: str, id: str, time: float) -> str:
    """Return the part of a key that is unique in its chat: the id, with the time where ids are used again."""
    if platform in _UNIQUE_IDS or id[:1] == "~" or not time:
        return id
    return f"{id} {int(time)}"


def _has_name_only(chat: str, chat_name: str, id: str) -> bool:
    """Return whether an export knows a chat by a name, which may change, and not by an id."""
    return chat == chat_name or id[:1] == "~"
