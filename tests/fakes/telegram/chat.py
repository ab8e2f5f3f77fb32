"""Telegram's world: users, chats, members, messages, each with its Bot API object as `wire`."""

from dataclasses import dataclass, field

from tests.fakes.telegram.refusal import Json
from tests.fakes.telegram.text import part, usernames

ADMINISTRATORS = ("creator", "administrator")
MEDIA = {"document", "photo", "sticker", "voice", "video", "audio", "animation", "video_note"}
RIGHTS = (
    "can_be_edited is_anonymous can_manage_chat can_delete_messages can_manage_video_chats "
    "can_restrict_members can_promote_members can_change_info can_invite_users can_post_stories "
    "can_edit_stories can_delete_stories"
).split()
PERMISSIONS = (
    "is_member can_send_messages can_send_audios can_send_documents can_send_photos can_send_videos "
    "can_send_video_notes can_send_voice_notes can_send_polls can_send_other_messages "
    "can_add_web_page_previews can_react_to_messages can_edit_tag can_change_info can_invite_users "
    "can_pin_messages can_manage_topics"
).split()


@dataclass(frozen=True, slots=True)
class User:
    id: int
    first_name: str
    username: str | None = None
    is_bot: bool = False
    language_code: str | None = None

    def wire(self) -> Json:
        known = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        more = {"username": self.username, "language_code": self.language_code}
        return {**known, **{key: value for key, value in more.items() if value}}


@dataclass(frozen=True, slots=True)
class Member:
    """A user's place in a chat; the rights named are the ones that differ from the usual."""

    user: User
    status: str = "member"
    rights: tuple[tuple[str, bool], ...] = ()

    @property
    def inside(self) -> bool:
        return self.status in (*ADMINISTRATORS, "member", "restricted")

    def may(self, right: str) -> bool:
        return self.status == "creator" or dict(self.rights).get(right, False)

    def wire(self) -> Json:
        shape: Json = {"status": self.status, "user": self.user.wire()}
        if self.status == "creator":
            shape["is_anonymous"] = False
        elif self.status == "administrator":
            shape |= {right: right == "can_manage_chat" for right in RIGHTS}
        elif self.status == "restricted":
            shape |= {permission: permission == "is_member" for permission in PERMISSIONS}
        if self.status in ("restricted", "kicked"):
            shape["until_date"] = 0
        return shape | dict(self.rights)


@dataclass(slots=True, eq=False)
class Chat:
    """A chat with its members and messages; `topics` maps a thread id to whether the topic is open."""

    id: int
    type: str
    title: str = ""
    username: str | None = None
    peer: User | None = None
    forum: bool = False
    started: bool = True
    linked: "Chat | None" = None
    upgraded: "Chat | None" = None
    topics: dict[int, bool] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    messages: "dict[int, Message]" = field(default_factory=dict)

    @property
    def is_group(self) -> bool:
        return self.type in ("group", "supergroup")

    def member(self, user: User) -> Member:
        return self.members.get(user.id, Member(user, "left"))

    def wire(self) -> Json:
        shape: Json = {"id": self.id, "type": self.type}
        shape |= {"first_name": self.peer.first_name} if self.peer else {"title": self.title}
        if name := self.peer.username if self.peer else self.username:
            shape["username"] = name
        return shape | ({"is_forum": True} if self.forum else {})


@dataclass(frozen=True, slots=True)
class Edit:
    text: str
    at: float


@dataclass(slots=True, eq=False)
class Message:
    """A message as the Bot API shows it now (`wire`), who called for it, and all it has been.

    at: time.monotonic() when it was made; call: the parameters the bot sent, empty for what people say;
    pings: the users notified by name, by this text or one before an edit.
    """

    chat: Chat
    wire: Json
    at: float
    call: Json = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    deleted: bool = False
    pings: frozenset[int] = frozenset()
    update_id: int | None = None
    reactions: dict[int, list[Json]] = field(default_factory=dict)

    @property
    def id(self) -> int:
        return int(self.wire["message_id"])

    @property
    def text(self) -> str:
        return str(self.wire.get("text", self.wire.get("caption", "")))

    @property
    def entities(self) -> list[Json]:
        return [*self.wire.get("entities", []), *self.wire.get("caption_entities", [])]

    @property
    def thread(self) -> int | None:
        return self.wire.get("message_thread_id")

    @property
    def user_id(self) -> int | None:
        return self.wire["from"]["id"] if "from" in self.wire else None

    @property
    def reply_to(self) -> int | None:
        """The id of the message that was replied to on purpose."""
        replied = self.wire.get("reply_to_message")
        return replied["message_id"] if replied and "forum_topic_created" not in replied else None

    @property
    def buttons(self) -> list[Json]:
        rows = self.wire.get("reply_markup", {}).get("inline_keyboard", [])
        return [button for row in rows for button in row]

    def quoted(self) -> Json:
        """The message as it stands inside a reply to it: without a reply of its own."""
        return {key: value for key, value in self.wire.items() if key != "reply_to_message"}

    def ping(self, users: dict[int, User]) -> frozenset[int]:
        """The users notified by name: members mentioned by @username, and linked users."""
        named = usernames(self.text, self.entities)
        linked = {e["user"]["id"] for e in self.entities if e["type"] == "text_mention"}
        inside = {u for u in users.values() if self.chat.peer == u or self.chat.member(u).inside}
        return frozenset(linked | {u.id for u in inside if (u.username or "").lower() in named - {""}})

    def part(self, entity: Json) -> str:
        return part(self.text, entity)
