"""The messages in qq-chat-exporter's JSON, of its versions 3 to 6."""

from typing import Any

from msgspec import Struct

from training.importers.chats.qq_nt.placeholders import kind_without_words, own_words
from training.importers.reading.message_ids import is_id
from training.importers.reading.record_kinds import RecordKind

# SimpleMessageParser.ts of versions 4 and 5, simple_parser.rs of version 6; a market face is an animated one
ELEMENTS: dict[str, RecordKind] = {
    "text": "words",
    "reply": "words",
    "at": "contact",
    **dict.fromkeys(("image", "giphy"), "image"),
    "video": "video",
    **dict.fromkeys(("audio", "voice"), "audio"),
    "file": "file",
    **dict.fromkeys(("face", "market_face", "marketFace", "face_bubble", "yolo_game_result"), "sticker"),
    "location": "location",
    **dict.fromkeys(("forward", "json", "markdown", "long_message"), "share"),
    "calendar": "event",
    **dict.fromkeys(("wallet", "live_gift"), "payment"),
    "av_record": "call",
    **dict.fromkeys(("system", "tofu_record", "task_top_msg", "recommended_msg"), "notice"),
    **dict.fromkeys(("action_bar", "inline_keyboard"), "notice"),
}
_UNSAID = ("words", "contact")  # what a message without words still holds beside its picture


class QqElement(Struct, gc=False):
    """A part of a message."""

    type: str = ""
    data: Any = None

    def get(self, key: str) -> str:
        """Return a text of the part, or ""."""
        value = self.data.get(key) if isinstance(self.data, dict) else None
        return value if isinstance(value, str) else ""


class QqContent(Struct, gc=False):
    """A message's parts; the older shape of version 4 has `resources`, `emojis`, `reply` in their place."""

    text: str | None = ""
    elements: list[QqElement] | None = None
    resources: list[QqElement] | None = None
    emojis: list[Any] | None = None
    reply: dict[str, Any] | None = None


class QqSender(Struct, gc=False):
    """An author; `uin` is the number that people know, `uid` an internal id."""

    uid: str | int | None = ""
    uin: str | int | None = ""
    name: str | int | None = ""
    nickname: str | None = ""


class QqMessage(Struct, gc=False):
    """A message; `timestamp` is in milliseconds, and in the older shape of version 4 an ISO time."""

    id: str | int | None = ""
    messageId: str | int | None = ""
    timestamp: int | float | str = -1
    sender: QqSender | None = None
    type: str | int | None = ""
    content: QqContent | None = None
    recalled: bool = False
    isRecalled: bool = False
    system: bool = False
    isSystemMessage: bool = False
    rawMessage: dict[str, Any] | None = None


class QqChatInfo(Struct, gc=False):
    """The chat of a file, and who exported it."""

    name: str | None = ""
    type: str | None = ""
    selfUid: str | int | None = ""
    selfUin: str | int | None = ""


def author_of(sender: QqSender) -> str:
    """Return the id of an author: the number where it is known; "" for QQ itself."""
    return next(filter(is_id, (str(each or "") for each in (sender.uin, sender.uid))), "")


def words_of(message: QqMessage) -> str:
    """Return the words that the author wrote."""
    content = message.content or QqContent()
    whole, quoted = content.text or "", _quoted(content)
    if content.elements is None:
        return own_words(whole, quoted)
    said = "".join(each.get("text") for each in content.elements if each.type == "text")
    # one element that is the whole text holds its placeholders too (convertParsedToClean of version 4)
    return own_words(said, quoted) if said == whole and len(content.elements) > 1 else said.strip()


def record_of(message: QqMessage, words: str) -> tuple[RecordKind | None, str]:
    """Return what a message is, and the exporter's name for that."""
    content = message.content or QqContent()
    types = [each.type for each in content.elements or content.resources or ()]
    if message.recalled or message.isRecalled:
        return "deleted", ""
    if message.system or message.isSystemMessage or message.type == "system":
        return ("call" if "av_record" in types else "notice"), ""
    if words:
        return "words", ""
    name = next((each for each in types if ELEMENTS.get(each) not in _UNSAID), types[0] if types else "")
    if name:
        kind = ELEMENTS.get(name)
        return ("undelivered" if kind == "words" else kind), name
    return ("sticker" if content.emojis else kind_without_words(content.text or "")), str(message.type)


def media_of(message: QqMessage) -> RecordKind:
    """Return the kind of the picture, video, sound or file beside words; "words" without one."""
    content = message.content or QqContent()
    for each in content.elements or content.resources or ():
        if (kind := ELEMENTS.get(each.type)) in ("image", "video", "audio", "file"):
            return kind
    return "words"


def parent_of(message: QqMessage) -> str | None:
    """Return the id of the message that this one answers, where the exporter found it."""
    content = message.content or QqContent()
    for each in content.elements or ():
        if each.type == "reply" and is_id(id := each.get("referencedMessageId")):
            return id
    id = str((content.reply or {}).get("referencedMessageId") or "")
    return id if is_id(id) else None


def _quoted(content: QqContent) -> str:
    for each in content.elements or ():
        if each.type == "reply":
            return each.get("content")
    quoted = (content.reply or {}).get("content")
    return quoted if isinstance(quoted, str) else ""
