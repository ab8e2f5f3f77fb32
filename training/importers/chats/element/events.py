"""The events of a Matrix room: their kinds of records, and the words of their author."""

from typing import Any

from msgspec import Struct, field

from training.importers.reading.json_fields import object_field, text_field
from training.importers.reading.normalise import clean_text
from training.importers.reading.record_kinds import RecordKind

# types of events, and of messages (msgtype), of the client-server API of Matrix, version 1.16
_TYPES: dict[str, RecordKind] = {
    "m.room.encrypted": "undelivered",
    "m.sticker": "sticker",
    "m.reaction": "reaction",
    **dict.fromkeys(("m.poll.start", "org.matrix.msc3381.poll.start"), "poll"),
    **dict.fromkeys(("m.beacon_info", "org.matrix.msc3672.beacon_info"), "location"),
}
_MESSAGES: dict[str, RecordKind] = {
    **dict.fromkeys(("m.text", "m.emote"), "words"),
    **dict.fromkeys(("m.notice", "m.server_notice"), "bot"),  # the API keeps m.notice for bots
    "m.image": "image",
    "m.video": "video",
    "m.audio": "audio",
    "m.file": "file",
    "m.location": "location",
    "m.bad.encrypted": "undelivered",
    "m.key.verification.request": "notice",
}
# events that Element shows as a line of its own
_NOTICES = ("m.room.", "m.poll.", "org.matrix.msc3381.poll.", "m.space.", "m.widget", "im.vector.")
_CALLS = ("m.call.", "org.matrix.msc3401.call", "io.element.call")


class MatrixEvent(Struct, gc=False):
    """An event of a room; `origin_server_ts` is in milliseconds."""

    type: str = ""
    sender: str = ""
    content: dict[str, Any] = field(default_factory=dict)
    origin_server_ts: float = -1
    event_id: str = ""
    room_id: str = ""
    state_key: str | None = None
    unsigned: dict[str, Any] | None = None

    @property
    def relation(self) -> dict[str, Any]:
        """The relation to another event: an edit of it, an answer, a part of its thread."""
        return object_field(self.content, "m.relates_to")

    @property
    def edited_id(self) -> str:
        """The id of the message that this event replaces, or ""."""
        return text_field(self.relation, "event_id") if self.relation.get("rel_type") == "m.replace" else ""

    @property
    def replacement(self) -> dict[str, Any]:
        """The content of the last edit, where the server has sent it along; else {}."""
        replacing = object_field(object_field(self.unsigned or {}, "m.relations"), "m.replace")
        return object_field(object_field(replacing, "content"), "m.new_content")

    @property
    def is_edited(self) -> bool:
        return "m.replace" in object_field(self.unsigned or {}, "m.relations")

    @property
    def is_redacted(self) -> bool:
        return "redacted_because" in (self.unsigned or {}) or (
            not self.content and self.type in ("m.room.message", "m.sticker")
        )

    @property
    def thread(self) -> str:
        """The id of the first message of the thread, or ""."""
        return text_field(self.relation, "event_id") if self.relation.get("rel_type") == "m.thread" else ""

    @property
    def answered(self) -> str | None:
        """The id of the answered message; in a thread, where none is answered, of the first one."""
        if self.thread and self.relation.get("is_falling_back"):
            return self.thread
        return text_field(object_field(self.relation, "m.in_reply_to"), "event_id") or self.thread or None


def record_of(event: MatrixEvent) -> tuple[RecordKind | None, str]:
    """Return the kind of record that an event is, with the name that the export has for it."""
    if event.is_redacted:
        return "deleted", ""
    if event.type == "m.room.message":
        name = text_field(event.content, "msgtype")
        return _MESSAGES.get(name), name
    if event.type.startswith(_CALLS):
        return "call", event.type
    notice: RecordKind | None = "notice" if event.type.startswith(_NOTICES) else None
    return _TYPES.get(event.type, notice), event.type


def own_words(content: dict[str, Any], is_reply: bool) -> str:
    """Return the words of a message: those it quotes, and the words in place of its answered message, go."""
    body, written = text_field(content, "body"), text_field(content, "formatted_body")
    has_copy = is_reply and body.startswith(("> <", "> * <"))
    if has_copy or "<blockquote" in written:
        lines = body.split("\n")
        if has_copy:
            end = next((at for at, line in enumerate(lines) if not line.startswith(">")), len(lines))
            lines = lines[end:]
        if "<blockquote" in written:
            lines = [line for line in lines if not line.startswith(">")]
        body = "\n".join(lines)
    return clean_text(body.strip())


def caption_and_file(content: dict[str, Any], is_reply: bool) -> tuple[str, str]:
    """Return the words below a file, and its name: without words, `body` is the name."""
    body, name = text_field(content, "body"), text_field(content, "filename")
    if name and name != body:
        return own_words(content, is_reply), clean_text(name)
    return "", clean_text(body)
