"""Fields of Telegram's updates that the bot reads. Other fields are ignored: new ones break nothing."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[int, Field(ge=0, le=253_402_300_799)]  # Unix seconds, up to the year 9999


class ApiObject(BaseModel):
    """An object of the Bot API, with the Bot API's field names."""

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)


class User(ApiObject):
    id: int
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""


class Chat(ApiObject):
    id: int
    type: str = ""
    title: str = ""
    first_name: str = ""


class Entity(ApiObject):
    """A formatted span of a text; offset and length are in UTF-16 units."""

    type: str
    offset: Annotated[int, Field(ge=0)]
    length: Annotated[int, Field(ge=0)]
    user: User | None = None


class Origin(ApiObject):
    """The author of a message that was forwarded, or that stands in another chat (MessageOrigin)."""

    sender_user: User | None = None
    sender_user_name: str = ""
    sender_chat: Chat | None = None
    chat: Chat | None = None


class Content(ApiObject):
    """An object with content; fields for its media are in `model_extra`."""

    model_config = ConfigDict(extra="allow")

    @property
    def fields(self) -> dict[str, Any]:
        """All fields with content, by the Bot API's names."""
        texts = {name: getattr(self, name, "") for name in ("text", "caption")}
        return {**(self.model_extra or {}), **texts}


class ExternalReply(Content):
    """A message in another chat that was replied to."""

    origin: Origin | None = None


class Quote(ApiObject):
    """The part of the message replied to that somebody selected."""

    text: str = ""


class RepliedMessage(Content):
    """The read fields of a message that was replied to."""

    message_id: int
    author: User | None = Field(default=None, alias="from")
    sender_chat: Chat | None = None
    text: str = ""
    caption: str = ""
    forum_topic_created: Any = None


class Message(Content):
    """A message."""

    message_id: int
    date: Time
    chat: Chat
    author: User | None = Field(default=None, alias="from")
    sender_chat: Chat | None = None
    text: str = ""
    entities: tuple[Entity, ...] = Field(default=(), strict=False)
    caption: str = ""
    caption_entities: tuple[Entity, ...] = Field(default=(), strict=False)
    message_thread_id: int | None = None
    is_topic_message: bool = False
    reply_to_message: RepliedMessage | None = None
    external_reply: ExternalReply | None = None
    quote: Quote | None = None
    forward_origin: Origin | None = None
    is_automatic_forward: bool = False
    via_bot: User | None = None
    business_connection_id: str | None = None
    guest_query_id: str | None = None
    new_chat_members: tuple[User, ...] = Field(default=(), strict=False)
    pinned_message: RepliedMessage | None = None
    migrate_to_chat_id: int | None = None
    migrate_from_chat_id: int | None = None


class ButtonMessage(ApiObject):
    """The message that holds a pressed button; Telegram sends more of its fields only while it is young."""

    message_id: int
    chat: Chat


class CallbackQuery(ApiObject):
    id: str
    author: User = Field(alias="from")
    message: ButtonMessage | None = None
    data: str = ""


class Member(ApiObject):
    status: str


class MemberChange(ApiObject):
    chat: Chat
    author: User = Field(alias="from")
    old_chat_member: Member
    new_chat_member: Member


class ReactionType(ApiObject):
    type: str
    emoji: str = ""


class Reaction(ApiObject):
    """A person's reactions to a message, all of them, after a change (MessageReactionUpdated)."""

    chat: Chat
    message_id: int
    user: User | None = None
    actor_chat: Chat | None = None
    date: Time
    new_reaction: tuple[ReactionType, ...] = Field(default=(), strict=False)


class Update(ApiObject):
    """An update; the bot does not ask for kinds that are missing here."""

    update_id: int
    message: Message | None = None
    edited_message: Message | None = None
    channel_post: Message | None = None
    edited_channel_post: Message | None = None
    callback_query: CallbackQuery | None = None
    my_chat_member: MemberChange | None = None
    message_reaction: Reaction | None = None


UPDATE_KINDS = tuple(name for name in Update.model_fields if name != "update_id")
