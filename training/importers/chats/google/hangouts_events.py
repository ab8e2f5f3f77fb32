"""The events of Hangouts.json, as far as the importer reads them."""

from typing import Any

from msgspec import Struct, field

from training.importers.reading.normalise import clean_text


class HangoutsId(Struct, gc=False):
    """A person or a conversation; somebody who is only a phone number has a `chat_id`."""

    gaia_id: str | None = ""
    chat_id: str | None = ""
    id: str | None = ""

    def __str__(self) -> str:
        return clean_text(self.gaia_id or self.chat_id or self.id or "")


class HangoutsSegment(Struct, gc=False):
    """A piece of a text; a line break may have no text of its own."""

    type: str | None = ""
    text: str | None = ""


class HangoutsAttachment(Struct, gc=False):
    """A picture, a place or a card."""

    embed_item: dict[str, Any] = field(default_factory=dict)


class HangoutsContent(Struct, gc=False):
    segment: tuple[HangoutsSegment, ...] | None = ()
    attachment: tuple[HangoutsAttachment, ...] | None = ()


class HangoutsWords(Struct, gc=False):
    message_content: HangoutsContent | None = None


class HangoutsState(Struct, gc=False):
    """The state of who exported: in an event `user_id`."""

    user_id: HangoutsId | None = None


class HangoutsEvent(Struct, gc=False):
    """An event; `timestamp` is in microseconds."""

    timestamp: str | int | float
    sender_id: HangoutsId | None = None
    conversation_id: HangoutsId | None = None
    event_id: str | None = ""
    event_type: str | None = ""
    self_event_state: HangoutsState | None = None
    chat_message: HangoutsWords | None = None
    hangout_event: Any = None
