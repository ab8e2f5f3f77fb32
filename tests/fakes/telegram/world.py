"""The state behind the server: everybody, every chat, every message, every file."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from secrets import token_hex

from tests.fakes.telegram.bell import Bell
from tests.fakes.telegram.chat import Chat, Edit, Member, Message, User
from tests.fakes.telegram.limits import Limits
from tests.fakes.telegram.records import Press, Records
from tests.fakes.telegram.refusal import Json
from tests.fakes.telegram.spec import Spec
from tests.fakes.telegram.text import detect
from tests.fakes.telegram.updates import Updates

ACCOUNT = 123456789
TELEGRAM = User(777000, "Telegram")
ANONYMOUS = User(1087968824, "Group", "GroupAnonymousBot", is_bot=True)


@dataclass(frozen=True, slots=True)
class File:
    id: str
    path: str
    data: bytes


class World(Records):
    """Holds the world in which one bot is connected.

    name: the bot's username; privacy: whether it hears in groups only what is meant for it.
    """

    def __init__(self, token: str = "", name: str = "lamp_bot", *, privacy: bool = True) -> None:
        super().__init__()
        token = token or new_token()
        self.token, self.name, self.privacy = token, name, privacy
        self.schema_errors: list[str] = []
        self.unknown: list[str] = []
        self.spec, self.limits, self.bell = Spec.find(), Limits(), Bell()
        self.updates = Updates(self.bell, lambda update: self.schema_errors.extend(self.spec.update(update)))
        self.bot = User(int(token.split(":")[0]), "Lamp", name, is_bot=True)
        self.users = {user.id: user for user in (self.bot, TELEGRAM, ANONYMOUS)}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, File] = {}
        self.presses: dict[str, Press] = {}
        self.commands: dict[str, list[Json]] = {}
        self.guest_queries: dict[str, Json | None] = {}
        self.connections: dict[str, tuple[User, bool]] = {}
        self.logged_out = False
        self._message_ids = itertools.count(1)
        self._user_ids = itertools.count(5_000_000_001)

    @property
    def acknowledged(self) -> int:
        """The highest update id that an offset has confirmed."""
        return self.updates.acknowledged

    async def until(self, met: Callable[[], object], seconds: float = 30.0) -> None:
        """Wait until a condition is met, looked at whenever this world changes and fifty times a second."""
        end = time.monotonic() + seconds
        while not await self.bell.until(met, 0.02):
            assert time.monotonic() < end, f"not within {seconds} s; the last calls were {self.calls[-5:]}"

    def add_user(self, user: User) -> User:
        self.users[user.id] = user
        return user

    def free_user_id(self) -> int:
        return next(self._user_ids)

    def add_chat(self, chat: Chat, *members: Member) -> Chat:
        chat.members = {member.user.id: member for member in members}
        self.chats[chat.id] = chat
        return chat

    def add_file(self, data: bytes, name: str = "file.bin", folder: str = "documents") -> File:
        """Keep a file that getFile finds by its `id`."""
        number = len(self.files) + 1
        held = File(f"FILE{number:08d}", f"{folder}/file_{number}{PurePosixPath(name).suffix}", data)
        self.files[held.id] = held
        return held

    def add_message(self, chat: Chat, content: Json, *, date: int | None = None) -> Message:
        """Put a message into a chat; `content` is its object without id, date and chat.

        Ids count up per supergroup and channel, where 1 was the creation of the chat, and in one row for all
        the other chats of the bot.
        """
        own = chat.type in ("supergroup", "channel")
        number = max(chat.messages, default=1) + 1 if own else next(self._message_ids)
        when = int(time.time()) if date is None else date
        wire = {"message_id": number, "date": when, "chat": chat.wire(), **content}
        message = Message(chat, wire, time.monotonic())
        message.pings = message.ping(self.users)
        chat.messages[number] = message
        return message

    def rewrite(self, message: Message, content: Json) -> None:
        """Change what a message says and keep each new text in its `edits`."""
        if content.get("text", message.text) != message.text:
            message.edits.append(Edit(content["text"], time.monotonic()))
        message.wire |= content | {"edit_date": int(time.time())}
        message.pings |= message.ping(self.users)


def found(text: str, *, caption: bool = False) -> Json:
    """A text with the entities Telegram finds in it, as a message carries them; nothing for an empty one."""
    entities = detect(text, [])
    shown = (
        {"caption": text, "caption_entities": entities} if caption else {"text": text, "entities": entities}
    )
    return {key: value for key, value in shown.items() if value}


def new_token() -> str:
    """A token as BotFather gives them; every server has its own, so that several can be used at once."""
    return f"{ACCOUNT}:AAFake{token_hex(14)}0"
