"""The way of parts to a platform: its outlet, splitting by its limit, sending until it takes or refuses."""

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
from bot.text.formatted_text import FormattedText
from bot.text.splitting import split_burst
from bot.text.unfinished import end_unfinished

log = logging.getLogger(__name__)

MAX_REPLY = 20_000  # characters; some 20 messages on Discord, and 6 on Telegram
_CLOSING = 100  # characters that closed marks and an ellipsis take at most
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 15.0  # seconds between two tries while a platform cannot be reached


class RetryLater(Exception):
    """The platform cannot take a message now. It may after `seconds`; 0 where the platform gave no time."""

    def __init__(self, reason: str, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.seconds = seconds


class DeliveryRefused(Exception):
    """The platform will never take this message."""


class MessageDeleted(DeliveryRefused):
    """Somebody deleted the message that shows the reply so far: no more of the reply is wanted."""


class ChatMoved(Exception):
    """The chat goes on in another place, `place`."""

    def __init__(self, place: Place) -> None:
        super().__init__(f"moved to {place}")
        self.place = place


class Outlet(Protocol):
    """A platform as replies see it.

    Its calls raise `RetryLater`, `DeliveryRefused` and `ChatMoved`, and nothing else.
    """

    for_owner: bool  # True where only the owner of the machine reads, who may read paths in errors

    def split(self, text: str, place: Place, persona: Persona) -> Sequence[FormattedText]:
        """Return a reply's Markdown as the messages to send: within the platform's limit, in its formats.

        Messages that would show nothing are left out.
        """

    def pace(self, place: Place) -> float:
        """Return the seconds to wait before each update of a preview; 0 shows every piece at once."""

    def stays(self, place: Place) -> bool:
        """Return True where the preview is a message that stays when this process ends."""

    def typing(self, place: Place, persona: Persona) -> AbstractAsyncContextManager[None]:
        """Show the persona as typing while the context lasts."""

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        """Show the reply so far, which only grows, in the message `draft.sent_id` or a new one.

        Returns the platform's id of that message where the message stays.
        """

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        """Send one part of a reply, or a notice (no persona); return the platform's message id, if any.

        A part that was tried before may be there already: its `state` is "sending", its `sent_id` may name
        the message.
        """

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        """Remove messages that another reply replaces, as far as the platform allows."""


def bound_reply(text: str, place: Place) -> str:
    """Return a reply of at most `MAX_REPLY` characters: a model that goes on and on floods nobody.

    A longer one ends at a sentence, with its marks closed and an ellipsis.
    """
    if len(text) <= MAX_REPLY:
        return text
    log.warning("reply_cut", extra={"place": str(place), "characters": len(text)})
    cut = end_unfinished(text[: MAX_REPLY - _CLOSING])
    return cut if cut.endswith("…") else f"{cut} …"


def split_reply(outlet: Outlet, place: Place, persona: Persona, text: str) -> list[FormattedText]:
    """Split a reply into the messages to send: a burst by its lines, then each as the platform shows it."""
    messages = split_burst(text) if persona.bursts else [text]
    return [part for message in messages for part in outlet.split(message, place, persona)]


async def deliver(
    memory: Memory,
    outlet: Outlet,
    outgoing: Outgoing,
    persona: Persona | None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Place:
    """Send one part, trying until the platform takes or refuses it; return the place where the part went.

    Memory notes the part before each try, and the platform's message id after the last. The place is another
    one where the chat has moved. A refused part is dropped, with a line in the log; where somebody deleted
    what was shown of the reply, the whole reply is. `sleep` takes seconds.
    """
    wait = _FIRST_WAIT
    while True:
        if not await memory.sending(outgoing.key) and outgoing.key:
            return outgoing.place  # its reply was deleted
        try:
            sent_id = await outlet.send(outgoing, persona)
        except RetryLater as error:
            log.warning("send_deferred", extra={"place": str(outgoing.place), "reason": str(error)})
            await sleep(error.seconds or wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        except ChatMoved as error:
            await memory.move(outgoing.place, error.place)
            outgoing = replace(outgoing, place=error.place, sent_id=None, reply_to=None)
        except MessageDeleted:
            log.info("reply_deleted", extra={"place": str(outgoing.place)})
            await memory.discard(outgoing.key)
            return outgoing.place
        except DeliveryRefused as error:
            log.error("send_refused", extra={"place": str(outgoing.place), "reason": str(error)})
            await memory.drop(outgoing.key)
            return outgoing.place
        else:
            await memory.sent(outgoing.key, sent_id)
            return outgoing.place
        outgoing = replace(outgoing, state="sending", attempts=outgoing.attempts + 1)
