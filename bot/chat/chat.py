"""The public face of the conversation, for platforms and commands."""

import time
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Self

from bot.chat import scoped_settings
from bot.chat.adapter_loader import AdapterLoader, TellOwner, choose_all, log_notice
from bot.chat.delivery import Outlet
from bot.chat.intake import Intake
from bot.chat.prompt_pool import PromptPool
from bot.chat.reload import PersonaReload, ReloadResult
from bot.chat.reply_pipeline import ReplyPipeline
from bot.chat.resources import ChatResources
from bot.chat.responder import PromptObserver, Responder
from bot.chat.worker import ConversationWorker
from bot.chat.worker_pool import WorkerPool
from bot.config import ChatSettings, ModelSettings
from bot.engine.interface import Engine
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Message, Place
from bot.persona.persona import Cast, NoticeKind, Persona
from bot.prompt.builder import Prompt


class Chat:
    """Personas in conversation, in any number of places at once.

    A message goes from `receive` through the intake to the worker of its place, and from there through the
    reply pipeline to the outlet of its platform.
    """

    def __init__(
        self,
        memory: Memory,
        engine: Engine,
        cast: Cast,
        settings: ChatSettings,
        model: ModelSettings,
        *,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
        observe_prompt: PromptObserver | None = None,
        tell_owner: TellOwner = log_notice,
    ) -> None:
        """`tell_owner` gets a sentence about each persona whose adapter waits for another base model."""
        self._resources = ChatResources(memory, engine, cast, settings, model, clock, random or Random())
        self.engine, self.settings, self.clock = engine, settings, clock
        self.health: dict[str, Callable[[], str]] = {}  # by platform
        prompts = PromptPool()
        self._adapters = adapters = AdapterLoader(engine, settings, model, prompts, tell_owner)
        self._workers = WorkerPool(lambda work: self._pipeline.process(work), settings.debounce)
        self._responder = Responder(self._resources, adapters, prompts, observe_prompt)
        self._pipeline = ReplyPipeline(self._resources, self._responder, self._workers)
        self._intake = Intake(self._resources, self._workers)
        self._reload = PersonaReload(self._resources, adapters)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, grace: float = 0.0) -> None:
        """Stop replying; a visible reply has `grace` seconds to end with the text generated so far."""
        await self._workers.close(grace)
        self._responder.close()

    def join(self, platform: str, outlet: Outlet, health: Callable[[], str] | None = None) -> None:
        """Reply to a platform's messages through this outlet; `health` describes the connection."""
        self._resources.outlets[platform] = outlet
        if health:
            self.health[platform] = health

    async def receive(self, message: Message, *, debounce: float = 0.0) -> bool:
        """Accept a message; False for one that was accepted before.

        Once this returns, the message is stored, and is answered or given up whatever happens. `debounce` is
        the least time of silence before the answer, in seconds.
        """
        return await self._intake.receive(message, debounce)

    async def edit(self, message: Message, *, is_seen: bool = True) -> None:
        """Store the new text of a message that somebody edited; it is answered if it calls for that now.

        Not `is_seen`: the platform may have hidden the message until its edit addressed the bot.
        """
        await self._intake.edit(message, is_seen=is_seen)

    def wants_notices(self, kind: NoticeKind) -> bool:
        """Return whether any persona reads notices of a kind."""
        return any(kind in persona.notices for persona in self.cast.personas.values())

    async def record(self, notice: Message, kind: NoticeKind) -> None:
        """Store a notice, which nobody answers, where the persona that it concerns reads its kind."""
        if self.wants_notices(kind):
            await self._intake.record(notice, kind)

    async def remove(self, place: Place, *message_ids: str) -> None:
        """Erase messages that were deleted on their platform."""
        await self._resources.memory.remove(place, message_ids)

    async def move(self, old: Place, new: Place) -> None:
        """Let a chat go on in another place; only while no reply is being made in the old one."""
        await self._intake.move(old, new)

    async def recover(self, platform: str, account: str) -> None:
        """Take up the messages and parts that an earlier process left unanswered and unsent."""
        await self._intake.recover(platform, account)

    def worker(self, place: Place) -> ConversationWorker:
        """Return the worker of a place."""
        return self._workers.worker(place)

    def workers(self) -> tuple[ConversationWorker, ...]:
        """Return the workers of all places used so far."""
        return self._workers.workers()

    @property
    def adapters(self) -> AdapterLoader:
        """The personas' adapters in the engine."""
        return self._adapters

    @property
    def rows(self) -> int:
        """The number of sequences that the model draws at once."""
        return self._resources.model.rows

    @property
    def cast(self) -> Cast:
        return self._resources.cast

    async def resident(self, place: Place) -> Persona:
        """Return the persona chosen for a place, else the one in the settings, else the first by name."""
        values = await scoped_settings.read_settings(self._resources.memory, place, self.settings)
        return self.cast.chosen(values["persona"].text)

    def is_joined(self, platform: str) -> bool:
        """Return whether replies can be sent on a platform now."""
        return platform in self._resources.outlets

    async def preview_prompt(
        self, place: Place, persona: Persona, history: tuple[Message, ...] | None = None
    ) -> Prompt:
        """Return the prompt of a reply to the last message of a history; None: of the place's own."""
        return await self._pipeline.preview(place, persona, history)

    def public_text(self, error: UserError | str) -> str:
        """Return an error without the paths and names that only the owner of the machine reads."""
        return self._resources.public_text(error)

    async def choose_adapters(self) -> None:
        """Choose all personas' adapters once the model is loaded; the owner is told of those that wait."""
        await choose_all(self._adapters, self.cast)

    def served(self, persona: Persona) -> Persona:
        """Return the persona with the adapter that it speaks under, as far as one was chosen."""
        return self._adapters.served(persona)

    def adapter_note(self, persona: Persona) -> str:
        """Return a clause for the owner where all adapters of a persona wait for other base models."""
        return self._adapters.note(persona.key)

    def adapter_notes(self) -> tuple[str, ...]:
        """Return a clause for the owner for each persona whose adapters wait for other base models."""
        return tuple(filter(None, map(self._adapters.note, self.cast.personas)))

    async def reload_personas(self, resident: str) -> ReloadResult:
        """Read all personas again, with the adapters in use and the one of the persona `resident`."""
        return await self._reload.run(resident)

    async def say(
        self,
        place: Place,
        persona: Persona,
        text: str,
        why: dict[str, object],
        *,
        read: str | None = None,
        replaces: str | None = None,
    ) -> None:
        """Store and send a text that no model generated, and remove the messages that it replaces."""
        await self._pipeline.say(place, persona, text, why, read=read, replaces=replaces)
