"""Google Hangouts by Takeout: one Hangouts.json with the events of all conversations.

Keys as in Dophin2009/hangouts-rs (src/raw/mod.rs) and adrish96/Hangouts-JSON-Parser; the older
shape, `conversation_state`, as in ammgws/wynbot (build_db.py). No full export was seen; Hangouts has ended.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from training.importers.chats.google.hangouts_events import HangoutsContent, HangoutsEvent
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import LONGEST_NAME, clean_text, unix_seconds
from training.importers.reading.record_kinds import RecordKind, kept_kind
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage, Kind

TITLE = "Google Hangouts"
GUIDE = Guide(
    steps="At takeout.google.com: Deselect all > Hangouts > Next step > Create export (until 2022).",
    reads="It reads messages with authors and times, also SMS, and the names of pictures.",
    leaves_out="Left out are places and cards; of calls, newcomers and new names only that they were.",
    marks=("conversations", "conversation", "events"),
)
_EVENTS: dict[str, RecordKind] = {
    **dict.fromkeys(("REGULAR_CHAT_MESSAGE", "SMS", "MMS"), "words"),
    **dict.fromkeys(("HANGOUT_EVENT", "PHONE_CALL", "VOICEMAIL"), "call"),
    **dict.fromkeys(("ADD_USER", "REMOVE_USER", "RENAME_CONVERSATION", "OTR_MODIFICATION"), "notice"),
    **dict.fromkeys(("GROUP_LINK_SHARING_MODIFICATION", "OBSERVED_EVENT"), "notice"),
    "PLAN_MUTATION": "event",
}
_FILES: dict[str, Kind] = {
    **dict.fromkeys(("PLUS_PHOTO", "PHOTO", "ANIMATED_PHOTO"), "image"),
    **dict.fromkeys(("VIDEO", "PLUS_VIDEO"), "video"),
    **dict.fromkeys(("PLUS_AUDIO", "PLUS_AUDIO_V2"), "audio"),
    **dict.fromkeys(("PLACE", "PLACE_V2", "THING", "THING_V2"), "other"),
}
_BREAK = "LINE_BREAK"


def recognises(head: FileHead) -> bool:
    return head.has("conversations", "conversations[].conversation.conversation_id") or head.has(
        "conversation_state", "conversation_state[].conversation_state"
    )


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        document = JsonReader(source)
        for key in document.members():
            if key in ("conversations", "conversation_state") and document.first() == b"[":
                for _ in document.items():
                    yield from _conversation(document, HangoutsChat(source), log)
        log.skip("unreadable", document.unreadable)


def _conversation(
    document: JsonReader, chat: "HangoutsChat", log: ImportLog, inside: bool = False
) -> Iterator[ExportedMessage]:
    """Yield the messages of the conversation that begins here; in the older shape, from an object inside."""
    if document.first() != b"{":
        return
    for key in document.members():
        if key == "conversation_state" and not inside:
            yield from _conversation(document, chat, log, inside=True)
        elif key in ("conversation", "conversation_id"):
            chat.describe(document.value(object))
        elif key in ("events", "event") and document.first() == b"[":
            for event in document.elements(HangoutsEvent):
                if exported := chat.convert(event, log):
                    yield exported


class HangoutsChat:
    """A conversation; what describes it stands before its events."""

    def __init__(self, source: Source) -> None:
        self._source, self._ids = source, MessageIds()
        self._id, self._name, self._self, self._others = "", "", "", ""
        self._kind: ChatKind = "group"
        self._names: dict[str, str] = {}

    def describe(self, fields: object) -> None:
        """Take the id, the type and the people from an object that may have them, or from one inside it."""
        if not isinstance(fields, dict):
            return
        for key in ("conversation_id", "conversation", "id"):
            inner = fields.get(key)
            if isinstance(inner, str):
                self._id = self._id or clean_text(inner)
            else:
                self.describe(inner)
        if fields.get("type") == "STICKY_ONE_TO_ONE":
            self._kind = "direct"
        self._self = self._self or _self(fields)
        people = fields.get("participant_data")
        for person in people if isinstance(people, list) else ():
            if isinstance(person, dict) and (id := _id(person.get("id"))):
                self._names[id] = clean_text(str(person.get("fallback_name") or id))[:LONGEST_NAME]
        self._name = self._name or clean_text(str(fields.get("name") or ""))[:LONGEST_NAME]

    def _title(self) -> str:
        """Return the conversation's name, or those of the others in it, which is made once."""
        if not (self._name or self._others):
            others = (name for id, name in self._names.items() if id != self._self)
            self._others = ", ".join(islice(others, LONGEST_NAME))[:LONGEST_NAME]
        return self._name or self._others

    def convert(self, event: HangoutsEvent, log: ImportLog) -> ExportedMessage | None:
        """Return a message; None, counted in the log, for one without a date."""
        type = event.event_type or ("REGULAR_CHAT_MESSAGE" if event.chat_message else "HANGOUT_EVENT")
        kind = kept_kind(_EVENTS.get(type), type, log)
        content = (event.chat_message and event.chat_message.message_content) or HangoutsContent()
        text = _text(content) if kind == "text" else ""
        try:
            time = unix_seconds(float(event.timestamp) / 1_000_000)
        except (ValueError, OverflowError):
            log.skip("without a date")
            return None
        if kind is None:
            return None
        files, media = _media(content, log)
        author = str(event.sender_id or "")
        state = event.self_event_state
        own = self._self or str((state and state.user_id) or "")
        return ExportedMessage(
            platform="hangouts",
            chat=self._id or str(event.conversation_id or self._source.name),
            id=self._ids.choose(clean_text(event.event_id or ""), self._id, time, author, text),
            author=author,
            author_name=self._names.get(author, author),
            time=time,
            source=self._source.label,
            text=text,
            is_self=author == own if own and kind == "text" else None,
            chat_kind=self._kind,
            chat_name=self._title(),
            precision="millisecond",
            kind=media if media and kind == "text" else kind,
            media=files if kind == "text" else (),
        )


def _text(content: HangoutsContent) -> str:
    parts = [each.text or ("\n" if each.type == _BREAK else "") for each in content.segment or ()]
    return clean_text("".join(parts))


def _media(content: HangoutsContent, log: ImportLog) -> tuple[tuple[str, ...], Kind | None]:
    """Return the names of files, and the kind of the first attachment; None without one."""
    names, kinds = list[str](), list[Kind]()
    for item in (each.embed_item for each in content.attachment or ()):
        types = item.get("type")
        type = str(types[0]) if isinstance(types, list) and types else "attachment"
        photo = next((value for key, value in item.items() if key.endswith("plus_photo")), None)
        fields = photo if isinstance(photo, dict) else {}
        kind = _FILES.get(str(fields.get("media_type"))) or _FILES.get(type)
        kinds.append(kind or kept_kind(None, type, log) or "other")
        name = str(fields.get("url") or "").partition("?")[0].rpartition("/")[2]
        names += [clean_text(name)] if name else []
    return tuple(names), kinds[0] if kinds else None


def _id(value: object) -> str:
    fields = value if isinstance(value, dict) else {}
    return clean_text(str(fields.get("gaia_id") or fields.get("chat_id") or ""))


def _self(fields: dict[str, Any]) -> str:
    for key in ("self_conversation_state", "self_read_state"):
        inner = fields.get(key)
        fields = inner if isinstance(inner, dict) else {}
    return _id(fields.get("participant_id"))
