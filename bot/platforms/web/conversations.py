"""Conversations of the page: each one a place in memory, begun, found, named and erased here."""

import re
import secrets
from collections.abc import Callable

from bot.api.errors import ApiError
from bot.chat.chat import Chat
from bot.chat.proactive import greet
from bot.chat.scoped_sampling import read_sampling, seed_in_place
from bot.memory.queries.own_conversations import CREATED, PERSONA, TITLE
from bot.memory.queries.records import OwnConversation
from bot.memory.store import Memory
from bot.message import Author, Place
from bot.persona.persona import Persona
from bot.platforms.web.listeners import Listeners
from bot.platforms.web.views import message_view, sampling_view

PLATFORM, ACCOUNT = "web", "local"
MAX_CONVERSATIONS = 5_000
MAX_MESSAGES = 2_000  # of a conversation on the page; older ones stay in memory
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
BUSY = "An answer is being made; stop it first."


class Conversations:
    """The conversations of the owner. `erase_prompts` deletes the files that hold prompts, too."""

    def __init__(
        self,
        chat: Chat,
        memory: Memory,
        author: Author,
        listeners: Listeners,
        erase_prompts: Callable[[], object],
    ) -> None:
        self.chat, self.memory, self.author, self.listeners = chat, memory, author, listeners
        self._erase_prompts = erase_prompts

    async def place(self, id: str) -> Place:
        """Return the place of a conversation. Raises `ApiError` where there is none."""
        place = Place(PLATFORM, ACCOUNT, id)
        if not _ID.fullmatch(id) or PERSONA not in await self.memory.settings(str(place)):
            raise ApiError(
                404, "There is no such conversation: it may be erased.", code="unknown_conversation"
            )
        return place

    def persona(self, key: str) -> Persona:
        """Return a persona by its key. Raises `ApiError` where there is none."""
        persona = self.chat.cast.personas.get(key)
        if persona is None:
            raise ApiError(404, f"There is no persona {key[:100]!r}.", "persona", "unknown_persona")
        return persona

    def check_quiet(self, place: Place) -> None:
        """Raise `ApiError` while an answer is being made."""
        if self.chat.worker(place).busy:
            raise ApiError(409, BUSY, code="busy")

    async def list(self) -> tuple[OwnConversation, ...]:
        """Return all conversations, the newest first."""
        return await self.memory.conversations(PLATFORM, ACCOUNT)

    async def begin(self, persona: Persona) -> Place:
        """Begin a conversation, where the persona greets. Raises `ApiError` where there are too many."""
        if len(await self.list()) >= MAX_CONVERSATIONS:
            message = f"There are {MAX_CONVERSATIONS:,} conversations: erase some first."
            raise ApiError(409, message, code="too_many_conversations")
        place = Place(PLATFORM, ACCOUNT, secrets.token_urlsafe(16))
        await self.memory.set_setting(str(place), PERSONA, persona.key)
        await self.memory.set_setting(str(place), CREATED, str(int(self.chat.clock())))
        await greet(self.chat, self.memory, place, self.author)
        return place

    async def title(self, place: Place) -> str:
        """Return the title of a conversation; the beginning of its first message where none was given."""
        return next((each.title for each in await self.list() if each.chat == place.chat), "")

    async def rename(self, place: Place, title: str) -> None:
        """Give a conversation a title; an empty one is that of its first message again."""
        await self.memory.set_setting(str(place), TITLE, " ".join(title.split()) or None)

    async def view(self, place: Place) -> dict[str, object]:
        """Return a conversation as the page shows it; its values of sampling, where its persona is there."""
        settings = await self.memory.settings(str(place))
        persona = self.chat.cast.personas.get(settings[PERSONA])
        values = await read_sampling(self.memory, place, persona) if persona else {}
        messages = await self.memory.shown_messages(place, MAX_MESSAGES)
        return {
            "id": place.chat,
            "persona": settings[PERSONA],
            "title": await self.title(place),
            "messages": [*map(message_view, messages)],
            "sampling": sampling_view(values),
            "busy": self.chat.worker(place).busy,
            "seed": await seed_in_place(self.memory, place),
        }

    async def reset(self, place: Place) -> None:
        """Begin a conversation anew: the messages so far are read no more, and stay until it is erased."""
        self.check_quiet(place)
        shown = await self.memory.shown_messages(place, MAX_MESSAGES)
        await self.memory.reset(place)
        await self.chat.engine.forget(place)
        for each in shown:
            self.listeners.tell(place, "removed", id=each.message.id)
        await greet(self.chat, self.memory, place, self.author)

    async def erase(self, place: Place) -> None:
        """Erase a conversation to the last copy, whatever goes on there."""
        await self.chat.worker(place).close()
        self.listeners.forget(place)
        try:
            await self.memory.erase_place(place)
        finally:
            self._erase_prompts()
            await self.chat.engine.forget(place)
