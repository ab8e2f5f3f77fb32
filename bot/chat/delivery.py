"""From the model's words to sent messages: tidied, shown while they come, sent once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Protocol

from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Persona

log = logging.getLogger(__name__)

_LONGEST_WAIT = 15.0  # seconds between two tries while a platform cannot be reached


class RetryLater(Exception):
    """The platform cannot take a message now; after so many seconds it may, 0 where it did not say."""

    def __init__(self, reason: str, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.seconds = seconds


class DeliveryRefused(Exception):
    """The platform will not take this message, however often it is tried."""


class ChatMoved(Exception):
    """The chat goes on in another place."""

    def __init__(self, place: Place) -> None:
        super().__init__(f"moved to {place}")
        self.place = place


class Outlet(Protocol):
    """A platform as replies see it. Its calls raise `RetryLater`, `DeliveryRefused` and `ChatMoved` only."""

    marks: bool  # whether it reads Markdown, so that marks cut by a split are closed and opened again

    def limit(self, place: Place, persona: Persona | None) -> int | None:
        """The longest message it takes, in its own units; None for no limit."""

    def measure(self, text: str) -> int:
        """The length of a text in the platform's own units."""

    def pace(self, place: Place) -> float:
        """Seconds to wait before each time that an answer is shown; 0 shows every piece as it comes."""

    def stays(self, place: Place) -> bool:
        """Whether what is shown is a message that stays, even when this process does not."""

    def typing(self, place: Place, persona: Persona) -> AbstractAsyncContextManager[None]:
        """Show that an answer is being made, for as long as the context lasts."""

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        """Show the answer so far, which only grows, in the message `draft.sent_id` or a new one.

        Returns the platform's id of that message where it stays.
        """

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        """Say one part for good, or a notice (no persona); returns the platform's message id, if any.

        A part that was tried before may be there already: `state` is "sending", `sent_id` may say where.
        """

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        """Take back messages that another answer replaces, as far as the platform allows."""


async def deliver(
    memory: Memory,
    outlet: Outlet,
    outgoing: Outgoing,
    persona: Persona | None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Place:
    """Send one part, as often as it takes: noted before each try, and with the platform's id after the last.

    Returns the place where it went, another one when the chat has moved. What the platform refuses for good
    is dropped, with a line in the log.
    """
    wait = 0.5
    while True:
        await memory.sending(outgoing.key)
        try:
            sent_id = await outlet.send(outgoing, persona)
        except RetryLater as error:
            log.warning("not sent yet", extra={"place": str(outgoing.place), "reason": str(error)})
            wait = min(2 * wait, _LONGEST_WAIT)
            await sleep(error.seconds or wait)
        except ChatMoved as error:
            await memory.move(outgoing.place, error.place)
            outgoing = replace(outgoing, place=error.place, sent_id=None, reply_to=None)
        except DeliveryRefused as error:
            log.error("cannot be sent", extra={"place": str(outgoing.place), "reason": str(error)})
            await memory.drop(outgoing.key)
            return outgoing.place
        else:
            await memory.sent(outgoing.key, sent_id)
            return outgoing.place
        outgoing = replace(outgoing, state="sending", attempts=outgoing.attempts + 1)
