"""The whole story of a message: accepted, attended to, answered, delivered."""

import asyncio
import logging
import time
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Self

from bot.attention import decide
from bot.config import ChatSettings, ModelSettings
from bot.delivery import Outlet, deliver, split
from bot.engine.engine import Engine
from bot.errors import UserError
from bot.memory.records import Outgoing
from bot.memory.store import Memory
from bot.message import Author, Message, Place
from bot.names import label
from bot.persona.macros import Scene, expand
from bot.persona.persona import Cast, Persona
from bot.room import Attempt, Room
from bot.speaker import Past, Speaker, Watcher

log = logging.getLogger(__name__)


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
        watch: Watcher | None = None,
    ) -> None:
        self.memory, self.engine, self.cast = memory, engine, cast
        self._settings, self._clock, self._dice = settings, clock, dice or Random()
        self._speaker = Speaker(engine, settings, model, self._dice, watch)
        self._rooms: dict[Place, Room] = {}
        self._outlets: dict[str, Outlet] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(room.close() for room in self.rooms()))

    def join(self, platform: str, outlet: Outlet) -> None:
        """Let a platform's messages be answered through this outlet."""
        self._outlets[platform] = outlet

    async def receive(self, message: Message) -> None:
        """Accept a message: once this returns it is stored, and is answered or given up whatever happens."""
        if await self.memory.accept(message):
            await self._attend(message)

    async def recover(self, platform: str, account: str) -> None:
        """Go on where an earlier process ended: send what was not sent, answer what was not answered."""
        for outgoing in await self.memory.unsent(platform, account):
            await self._deliver(outgoing)
        for message in await self.memory.pending(platform, account):
            await self._attend(message)

    async def _attend(self, message: Message) -> None:
        try:
            resident = (await self.resident(message.place)).key
        except UserError as error:  # whoever spoke here is no longer in the cast
            await self._give_up(Attempt("", "", [message]), message.place, str(error))
            return
        settings = await self.memory.settings(str(message.place))
        attention = decide(message, self.cast.personas, resident, settings.get("listen") == "on")
        if attention.answer:
            self.room(message.place).offer(message, attention)
        else:
            await self.memory.ignore(message.place, message.id, attention.rule)

    async def _answer(self, attempt: Attempt, place: Place) -> None:
        """The one edge where everything that can go wrong becomes words."""
        try:
            await self._turn(attempt, place)
        except UserError as error:
            await self._give_up(attempt, place, str(error))
        except Exception:
            log.exception("an answer failed in %s", place)
            await self._give_up(attempt, place, "Something went wrong here; the log says what.")

    async def _turn(self, attempt: Attempt, place: Place) -> None:
        persona = self.cast.find(attempt.persona)
        asked = tuple(message.id for message in attempt.messages)
        if asked and not (asked := await self.memory.begin(place, asked, persona.key, attempt.rule)):
            raise UserError("This message has failed three times and is given up; say it in other words.")
        outlet = self._outlets[place.platform]
        async with outlet.typing(place, persona):
            past = await self._past(place, attempt, await self._speaker.budget(persona))
            spoken = await self._speaker.speak(persona, past, place, attempt, outlet)
        attempt.visible = True  # from here on it is being stored, and is taken back no more
        for outgoing in await self.memory.finish(
            place,
            asked,
            [self._message(place, persona, spoken.text, asked[-1] if asked else None)],
            split(spoken.text, outlet.limit, outlet.measure),
            read=spoken.prompt.read,
            window=spoken.prompt.first,
            why=spoken.why,
            replaces=attempt.replaces.message.id if attempt.replaces else None,
        ):
            await self._deliver(outgoing)

    async def _past(self, place: Place, attempt: Attempt, budget: int) -> Past:
        """What the persona can have read; more characters than any budget of tokens holds."""
        history = await self.memory.history(place, characters=budget * 16)
        replaced = attempt.replaces.message.id if attempt.replaces else None
        kept = tuple(message for message in history if message.id != replaced)
        return Past(kept, await self.memory.is_cut(place))

    async def _deliver(self, outgoing: Outgoing) -> None:
        persona = self.cast.personas.get(outgoing.persona or "")
        await deliver(self.memory, self._outlets[outgoing.place.platform], outgoing, persona)

    async def _give_up(self, attempt: Attempt, place: Place, notice: str) -> None:
        asked = [message.id for message in attempt.messages]
        for outgoing in await self.memory.give_up(place, asked, notice, notice):
            await self._deliver(outgoing)
        if not asked:  # an answer asked for again fails without a message to be given up
            await self._outlets[place.platform].send(
                Outgoing("", place, 0, notice, "queued", 0, reply_to=None, persona=None), None
            )

    def _message(self, place: Place, persona: Persona, text: str, reply_to: str | None) -> Message:
        author = Author(f"persona:{persona.key}", persona.name, is_bot=True)
        own_id = f"alterego-{self._dice.getrandbits(64):016x}"
        return Message(place, own_id, author, text, self._clock(), reply_to=reply_to, persona=persona.key)

    def room(self, place: Place) -> Room:
        """The place's worker."""
        if place not in self._rooms:
            self._rooms[place] = Room(
                lambda attempt: self._answer(attempt, place),
                lambda attempt: self.memory.withdraw(place, [message.id for message in attempt.messages]),
                self._settings.debounce if place.platform != "terminal" else 0,
            )
        return self._rooms[place]

    def rooms(self) -> tuple[Room, ...]:
        """Every place's worker that there is."""
        return tuple(self._rooms.values())

    async def resident(self, place: Place) -> Persona:
        """The persona chosen for a place, else the one in the settings, else the first by name."""
        chosen = (await self.memory.settings(str(place))).get("persona")
        return self.cast.chosen(chosen or self._settings.persona)

    async def greet(self, place: Place, user: str, *, group: bool = False) -> None:
        """Let the place's persona speak first, where nothing has been said yet."""
        persona = await self.resident(place)
        greetings = persona.card.greetings(group)
        if greetings and not await self.memory.history(place, limit=1):
            await self._greet(place, persona, greetings[0], user)

    async def again(self, place: Place, user: str) -> None:
        """Replace the last answer by another one, or the greeting by the card's next."""
        room, last = self.room(place), await self.memory.last_answer(place)
        if room.busy:
            raise UserError("An answer is being made; stop it first.")
        if last is None or last.message.persona is None:
            raise UserError("There is no answer yet that could be given again.")
        persona = self.cast.find(last.message.persona)
        if last.read is None:
            greetings = [_filled(text, persona, user, place) for text in persona.card.greetings(False)]
            old = greetings.index(last.message.text) if last.message.text in greetings else -1
            await self._greet(place, persona, greetings[(old + 1) % len(greetings)], user, last.message.id)
        else:
            room.again(Attempt(persona.key, "asked again", replaces=last))
            await room.idle()

    async def _greet(
        self, place: Place, persona: Persona, greeting: str, user: str, replaces: str | None = None
    ) -> None:
        text, why = _filled(greeting, persona, user, place), {"rule": "greeting"}
        reply = self._message(place, persona, text, None)
        outlet = self._outlets[place.platform]
        parts = split(text, outlet.limit, outlet.measure)
        for outgoing in await self.memory.finish(
            place, [], [reply], parts, read=None, window=None, why=why, replaces=replaces
        ):
            await self._deliver(outgoing)


def _filled(greeting: str, persona: Persona, user: str, place: Place) -> str:
    return expand(greeting, Scene(persona.name, label(user), seed=f"{persona.key}/{place}")).strip()
