"""The keys by which a message is known again: platform, chat and id, also where a chat's name has changed."""

from collections.abc import Mapping

import msgspec

from training.store.chat_matching import ChatMatcher
from training.store.key_set import KeySet
from training.store.messages import ExportedMessage

_Key = tuple[str, str, str]
# programs that copy these platforms' databases number messages in each of several databases anew
_NUMBERED_AGAIN = frozenset(("wechat", "qq"))


class LineKey(msgspec.Struct, gc=False):
    """The fields of a line of messages.jsonl that its key is made of, and the persona's mark."""

    platform: str
    chat: str
    id: str
    author: str
    time: float = 0.0
    is_self: bool | None = None
    chat_name: str = ""


class _Words(msgspec.Struct, gc=False):
    text: str = ""


_WORDS = msgspec.json.Decoder(_Words)


class MessageKeys:
    """The keys of messages.jsonl and of an import.

    `added` counts new messages, `known` those that an earlier import brought, and `repeated` those that this
    import holds twice.
    """

    def __init__(self) -> None:
        self.added = self.known = self.repeated = 0
        self._keys, self._chats = KeySet(), ChatMatcher()

    @property
    def joined(self) -> Mapping[tuple[str, str], str]:
        """The chats of this import that go on an earlier one: (platform, name) to the name it had first."""
        return self._chats.joined

    def add_earlier(self, key: LineKey, line: bytes) -> None:
        """Note a line that is in the file."""
        id = _key_id(key.platform, key.id, key.time)
        self._keys.add(key.platform, key.chat, id)
        if _has_name_only(key.chat, key.chat_name, key.id) and _WORDS.decode(line).text:
            self._chats.add_earlier(key.platform, key.chat, id, key.author, key.time)

    def begin_import(self) -> None:
        """Count messages from now on."""
        self._keys.begin_import()

    def add(self, message: ExportedMessage) -> bool:
        """Count a message of the import; return whether it is new."""
        key = message.platform, message.chat, _key_id(message.platform, message.id, message.time)
        if _has_name_only(message.chat, message.chat_name, message.id) and message.text:
            self._chats.add(*key, message.author, message.time, message.source)
        if self._keys.add(*key):
            self.added += 1
            return True
        self._count_again(key)
        return False

    def settle(self) -> bool:
        """Behind the last message: return whether any new chat goes on an earlier one."""
        self._chats.settle()
        return bool(self._chats.joined)

    def move(self, message: ExportedMessage) -> ExportedMessage | None:
        """Return a new message in the chat that its own goes on; None if that chat has it already."""
        name = self._chats.joined.get((message.platform, message.chat))
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


def _key_id(platform: str, id: str, time: float) -> str:
    """Return the part of a key that is unique in its chat: the id, with the time where ids are used again."""
    return f"{id} {time}" if platform in _NUMBERED_AGAIN and id[:1] != "~" else id


def _has_name_only(chat: str, chat_name: str, id: str) -> bool:
    """Return whether an export knows a chat by a name, which may change, and not by an id."""
    return chat == chat_name or id[:1] == "~"
