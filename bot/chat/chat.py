"""The whole story of a message: accepted, attended to, answered, delivered."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from random import Random
from types import TracebackType
from typing import Self

from bot.chat import scoped_settings
from bot.chat.delivery import Outlet, deliver
from bot.chat.responder import PromptObserver, ReplyContext, Responder
from bot.chat.trigger_context import read_trigger_context
from bot.chat.triggers import decide_reply
from bot.chat.worker import ConversationWorker, PendingMessage, ReplyTask
from bot.config import ChatSettings, ModelSettings
from bot.engine.interface import Engine
from bot.errors import UserError
from bot.memory.queries.inbox import MAX_ATTEMPTS
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Author, Message, Place, message_in_place
from bot.persona.persona import Cast, Persona
from bot.prompt.turns import missing_parents
from bot.text.splitting import split_burst, split_message

log = logging.getLogger(__name__)

BUSY = "Too much is being said here at once: what comes now is not answered. Say it again in a moment."
_TYPING, _LONGEST_PAUSE = 0.03, 2.0  # seconds a character, and at most, before the next message of a burst
EXHAUSTED = "This message has failed three times and is given up; say it in other words."
LATE = "This was said long ago, while nobody was here to answer: say it again."


class Chat:
    """Personas in conversation, in any number of places at once."""

    def __init__(
        self,
        memory: Memory,
        engine: Engine,
        cast: Cast,
        settings: ChatSettings,
        model: ModelSettings,
        *,
        clock: Callable[[], float] = time.time,
        dice: Random | None = None,
        watch: PromptObserver | None = None,
    ) -> None:
        self.memory, self.engine, self.cast, self.settings = memory, engine, cast, settings
        self._clock, self._dice = clock, dice or Random()
        self.speaker = Responder(memory, engine, settings, model, self._dice, watch)
        self._rooms: dict[Place, ConversationWorker] = {}
        self._outlets: dict[str, Outlet] = {}
        self._full: set[Place] = set()
        self._suspects = asyncio.Lock()
        self.casting = asyncio.Lock()  # held while personas are read again
        self.health: dict[str, Callable[[], str]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, grace: float = 0.0) -> None:
        """Stop answering; answers that somebody sees have `grace` seconds to end with what there is."""
        await asyncio.gather(*(room.close(grace) for room in self.workers()))

    def join(self, platform: str, outlet: Outlet, health: Callable[[], str] | None = None) -> None:
        """Let a platform's messages be answered through this outlet; `health` says how it is doing."""
        self._outlets[platform] = outlet
        if health:
            self.health[platform] = health

    async def receive(self, message: Message) -> bool:
        """Accept a message: once this returns it is stored, and is answered or given up whatever happens.

        False for one that was accepted before.
        """
        if not await self.memory.accept(message):
            return False
        if self._is_late(message):
            await self.memory.ignore(message.place, message.id, "said too long ago")
        else:
            await self._attend(message)
        return True

    async def edit(self, place: Place, message_id: str, text: str) -> None:
        """Take up that somebody changed the words of a message."""
        await self.memory.edit(place, message_id, text)

    async def remove(self, place: Place, *message_ids: str) -> None:
        """Take up that messages were deleted."""
        await self.memory.remove(place, message_ids)

    async def move(self, old: Place, new: Place) -> None:
        """Take up that a chat goes on in another place, while no answer is being made in the old one."""
        await self.memory.move(old, new)
        self._follow(old, new)

    def _follow(self, old: Place, new: Place) -> None:
        """Have whoever still waits in a chat that moved answered where it goes on."""
        for offer in self.worker(old).leave():
            self.worker(new).offer(replace(offer, message=message_in_place(offer.message, new)))

    async def recover(self, platform: str, account: str) -> None:
        """Go on where an earlier process ended: send what was not sent, answer what was not answered."""
        for outgoing in await self.memory.unsent(platform, account):
            self.worker(outgoing.place).enqueue_outgoing(outgoing)
        hopeless: dict[tuple[Place, str], list[Message]] = defaultdict(list)
        for message in await self.memory.pending(platform, account):
            tried = await self.memory.attempts(message.place, message.id)
            if reason := LATE if self._is_late(message) else EXHAUSTED if tried >= MAX_ATTEMPTS else None:
                hopeless[message.place, reason].append(message)
            else:
                await self._attend(message, is_suspect=tried > 0)
        for (place, reason), messages in hopeless.items():
            await self._give_up(ReplyTask("", "", messages), place, reason)

    def _is_late(self, message: Message) -> bool:
        return self._clock() - message.time > self.settings.oldest

    async def _attend(self, message: Message, *, is_suspect: bool = False) -> None:
        place = message.place
        try:
            attention = decide_reply(
                message,
                self.cast.personas,
                await read_trigger_context(message, self.memory, self.cast, self.settings),
            )
        except UserError as error:  # whoever spoke here is no longer in the cast
            await self._give_up(ReplyTask("", "", [message]), place, str(error))
            return
        if not attention.answer:
            await self.memory.ignore(place, message.id, attention.rule)
        elif self.worker(place).waiting < self.settings.waiting:
            self._full.discard(place)
            self.worker(place).offer(PendingMessage(message, attention, is_suspect))
        else:
            await self._refuse(message)

    async def _refuse(self, message: Message) -> None:
        """Give up a message that found too many before it; say so once, until there is room again."""
        place, notice = message.place, None if message.place in self._full else BUSY
        self._full.add(place)
        for outgoing in await self.memory.give_up(place, [message.id], BUSY, notice):
            self.worker(place).enqueue_outgoing(outgoing)

    async def answer(self, place: Place, attempt: ReplyTask) -> None:
        """The one edge where everything that can go wrong becomes words."""
        try:
            await self._turn(attempt, place)
        except UserError as error:
            await self._give_up(attempt, place, str(error))
        except Exception:
            log.exception("an answer failed", extra={"place": str(place)})
            await self._give_up(attempt, place, "Something went wrong here; the log says what.")

    async def withdraw(self, place: Place, attempt: ReplyTask) -> None:
        """Take back that an answer has been attempted."""
        await self.memory.withdraw(place, [message.id for message in attempt.messages])

    @asynccontextmanager
    async def typing(self, place: Place, persona: str) -> AsyncIterator[None]:
        """Show that a persona is about to speak."""
        speaker = self.cast.personas.get(persona)
        if speaker is None:
            yield
            return
        async with self._outlets[place.platform].typing(place, speaker):
            yield

    async def _turn(self, attempt: ReplyTask, place: Place) -> None:
        stale = await self.memory.sent_of(place, attempt.replaced) if attempt.replaced else ()
        # suspects one at a time, wherever they are
        async with self._suspects if attempt.is_suspect else nullcontext():
            outgoings = await self._make(attempt, place)
        for outgoing in outgoings:
            if outgoing.part and self.cast.find(attempt.persona).bursts:
                await asyncio.sleep(min(_LONGEST_PAUSE, _TYPING * len(outgoing.text)))
            await self.deliver(outgoing)
        await self._outlets[place.platform].remove(place, (*stale, *_orphans(attempt, outgoings)))

    async def _make(self, attempt: ReplyTask, place: Place) -> tuple[Outgoing, ...]:
        """Make an answer and store it; what is to be sent of it."""
        persona = self.cast.find(attempt.persona)
        asked = await self._begin(place, attempt) if attempt.messages else ()
        if attempt.messages and not asked:
            return ()
        reply_to = asked[-1] if asked else None
        past = await self._past(place, attempt, reply_to, await self.speaker.budget(persona))
        spoken = await self.speaker.speak(persona, past, place, attempt, self._outlets[place.platform])
        attempt.visible = True  # from here on it is being stored, and is taken back no more
        return await self.memory.finish(
            place,
            asked,
            [self._message(place, persona, spoken.text, reply_to)],
            self._parts(place, persona, spoken.text),
            read=spoken.prompt.read,
            window=spoken.prompt.first,
            why=spoken.why,
            replaces=attempt.replaced,
        )

    async def _begin(self, place: Place, attempt: ReplyTask) -> tuple[str, ...]:
        """Count an attempt at the messages, and return those that still want one."""
        asked = [message.id for message in attempt.messages]
        return await self.memory.begin(place, asked, attempt.persona, attempt.rule)

    async def _past(
        self, place: Place, attempt: ReplyTask, reply_to: str | None, budget: int
    ) -> ReplyContext:
        """What the persona can have read; more characters than any budget of tokens holds."""
        history = await self.memory.history(place, characters=budget * 16)
        kept = attempt.before(tuple(message for message in history if message.id != attempt.replaced))
        parents = await self.memory.parents(place, missing_parents(kept, reply_to))
        return ReplyContext(kept, await self.memory.is_cut(place), parents, reply_to)

    def _parts(self, place: Place, persona: Persona, text: str) -> list[str]:
        outlet, said = self._outlets[place.platform], split_burst(text) if persona.bursts else [text]
        limit = outlet.limit(place, persona)
        return [
            part.text_to_send
            for one in said
            for part in split_message(one, limit, outlet.measure, marks=outlet.marks)
        ]

    async def deliver(self, outgoing: Outgoing) -> None:
        """Send a part, however long that takes; nothing else of its place goes before it.

        Where memory cannot note that, it is left for the next start.
        """
        persona = self.cast.personas.get(outgoing.persona or "")
        outlet = self._outlets[outgoing.place.platform]
        try:
            place = await deliver(self.memory, outlet, outgoing, persona)
        except UserError as error:
            log.error("not sent", extra={"place": str(outgoing.place), "reason": str(error)})
            return
        if place != outgoing.place:
            self._follow(outgoing.place, place)

    async def _give_up(self, attempt: ReplyTask, place: Place, notice: str) -> None:
        asked = [message.id for message in attempt.messages]
        notices = await self.memory.give_up(place, asked, notice, notice)
        for outgoing in notices:
            self.worker(place).enqueue_outgoing(outgoing)
        if orphans := _orphans(attempt, notices):
            await self._outlets[place.platform].remove(place, orphans)
        if not asked:  # an answer asked for again fails without a message to be given up
            self.worker(place).enqueue_outgoing(
                Outgoing("", place, 0, notice, "queued", 0, reply_to=None, persona=None)
            )

    def _message(self, place: Place, persona: Persona, text: str, reply_to: str | None) -> Message:
        author = Author(f"persona:{persona.key}", persona.name, is_bot=True)
        own_id = f"alterego-{self._dice.getrandbits(64):016x}"
        return Message(place, own_id, author, text, self._clock(), reply_to=reply_to, persona=persona.key)

    def worker(self, place: Place) -> ConversationWorker:
        """The place's worker."""
        if place not in self._rooms:
            debounce = self.settings.debounce if place.platform != "terminal" else 0
            self._rooms[place] = ConversationWorker(self, place, debounce)
        return self._rooms[place]

    def workers(self) -> tuple[ConversationWorker, ...]:
        """Every place's worker that there is."""
        return tuple(self._rooms.values())

    async def resident(self, place: Place) -> Persona:
        """The persona chosen for a place, else the one in the settings, else the first by name."""
        return self.cast.chosen(
            (await scoped_settings.read_settings(self.memory, place, self.settings))["persona"].text
        )

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
        """Store and send words that no model made, and take back what they replace."""
        stale = await self.memory.sent_of(place, replaces) if replaces else ()
        reply, parts = self._message(place, persona, text, None), self._parts(place, persona, text)
        for outgoing in await self.memory.finish(
            place, [], [reply], parts, read=read, window=None, why=why, replaces=replaces
        ):
            self.worker(place).enqueue_outgoing(outgoing)
        await self.worker(place).wait_sent()
        await self._outlets[place.platform].remove(place, stale)


def _orphans(attempt: ReplyTask, outgoings: Sequence[Outgoing]) -> tuple[str, ...]:
    """The message in which an answer was shown, when no part goes there: what it answered is gone."""
    finished = {outgoing.sent_id for outgoing in outgoings}
    return (attempt.shown_in,) if attempt.shown_in and attempt.shown_in not in finished else ()
