"""What personas say, on Discord: shown by editing one message, sent once, in their own name."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import discord

from bot.chat.delivery import DeliveryRefused, RetryLater
from bot.errors import UserError
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Persona
from bot.platforms.discord.api import (
    API_ERRORS,
    NOT_THE_AUTHOR,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    ApiCalls,
    delivery_error,
    has_error_code,
)
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.senders import AccountSender, Sender, channel_id_of, name_line
from bot.platforms.discord.sent_lookup import SentLookup
from bot.platforms.discord.webhooks import Webhooks
from bot.text.splitting import split_message

log = logging.getLogger(__name__)

MAX_MESSAGE = 2000  # characters of a message; counted in UTF-16 units, which are never fewer
_NOT_EDITABLE = (UNKNOWN_MESSAGE, NOT_THE_AUTHOR, UNKNOWN_WEBHOOK)
_MAX_SHOWN = 256  # drafts of which the last text shown is known


class DiscordOutlet:
    """Discord as answers see it."""

    marks = True

    def __init__(self, client: Gateway, calls: ApiCalls, webhooks: Webhooks, memory: Memory) -> None:
        self._client, self._calls, self._webhooks = client, calls, webhooks
        self._sent_lookup = SentLookup(client, calls, webhooks, memory)
        self._shown: dict[str, str] = {}  # by key, what a try to show it began with

    def limit(self, place: Place, persona: Persona | None) -> int:
        """The longest message, with room for a name line: whether one is needed may change."""
        return MAX_MESSAGE - self.measure(name_line(self._client, persona.name if persona else None))

    def measure(self, text: str) -> int:
        return len(text.encode("utf-16-le", "surrogatepass")) // 2

    def pace(self, place: Place) -> float:
        return self._calls.timings.edit_interval

    def stays(self, place: Place) -> bool:
        return True

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        """Show at once that somebody is typing, and go on; nothing waits for it."""
        task = asyncio.create_task(self._keep_typing(place))
        try:
            yield
        finally:
            task.cancel()

    async def _keep_typing(self, place: Place) -> None:
        guild = int(place.server) if place.server else None
        channel = self._client.get_partial_messageable(channel_id_of(place), guild_id=guild)
        while True:
            try:
                await self._calls.make_call(_trigger_typing(channel))
            except API_ERRORS as error:
                log.debug("typing is not shown", extra={"place": str(place), "error": type(error).__name__})
            await asyncio.sleep(self._calls.timings.typing_interval)

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        """Show the first message of what there is of an answer."""
        text = split_message(text, self.limit(draft.place, persona), self.measure)[0].whole
        if self._shown.get(draft.key) == text:
            return draft.sent_id
        with _delivery_errors(self._calls):
            seen = (
                await self._sent_lookup.find_sent(draft, persona, text)
                if self._may_be_shown(draft)
                else draft.sent_id
            )
            self._remember_shown(draft.key, text)
            return await self._edit_or_send(draft, persona, text, seen)

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        """Say one part, in the message that stands there for it or in a new one."""
        if not outgoing.text.strip():
            raise DeliveryRefused("there are no words to send")
        with _delivery_errors(self._calls):
            standing = outgoing.sent_id
            if standing is None and (outgoing.state == "sending" or outgoing.attempts):
                standing = await self._sent_lookup.find_sent(outgoing, persona, outgoing.text)
            sent_id = await self._edit_or_send(outgoing, persona, outgoing.text, standing)
        self._shown.pop(outgoing.key, None)
        return sent_id

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        """Delete messages; what cannot be deleted stays."""
        for sent_id in sent_ids:
            try:
                voice = await self._sent_lookup.sender_of(place, sent_id)
                if voice:
                    await voice.delete(sent_id)
            except API_ERRORS as error:
                log.info("not taken back", extra={"place": str(place), "error": type(error).__name__})

    def _may_be_shown(self, draft: Outgoing) -> bool:
        """Whether an earlier process, or an attempt that was taken back, may have shown it."""
        return draft.sent_id is None and draft.attempts > 0 and draft.key not in self._shown

    def _remember_shown(self, key: str, text: str) -> None:
        self._shown[key] = text
        while len(self._shown) > _MAX_SHOWN:
            del self._shown[next(iter(self._shown))]

    async def _edit_or_send(
        self, outgoing: Outgoing, persona: Persona | None, text: str, existing_id: str | None
    ) -> str:
        """Let the text stand in the place; by the account, where a webhook fails twice."""
        name = persona.name if persona else None
        for _ in range(2):
            voice = await self._choose_sender(outgoing.place, persona)
            try:
                return await self._send_as(voice, outgoing, text, existing_id, name)
            except discord.HTTPException as error:
                if isinstance(voice, AccountSender) or not has_error_code(error, UNKNOWN_WEBHOOK):
                    raise
                self._webhooks.forget(int(outgoing.place.chat))
        account = AccountSender(self._client, self._calls, outgoing.place, name)
        return await self._send_as(account, outgoing, text, existing_id, name)

    async def _choose_sender(self, place: Place, persona: Persona | None) -> Sender:
        hook = await self._webhooks.find_sender(place, persona) if persona else None
        return hook or AccountSender(self._client, self._calls, place, persona.name if persona else None)

    async def _send_as(
        self, sender: Sender, outgoing: Outgoing, text: str, existing_id: str | None, name: str | None
    ) -> str:
        nonce = outgoing.key
        if existing_id is not None:
            if await self._edit(sender, outgoing, existing_id, text, name):
                return existing_id
            nonce += "a"  # the message under the first one was deleted
        words, reply_to = sender.format(text), outgoing.reply_to if outgoing.part == 0 else None
        try:
            said = await sender.send(words, nonce or None, reply_to)
        except discord.NotFound as error:
            if not has_error_code(error, UNKNOWN_MESSAGE):
                raise
            said = await sender.send(words, f"{nonce}b" if nonce else None, reply_to)
        if said.text.strip() != words.strip():  # the nonce was known, and stands for what was shown before
            await sender.edit(said.id, words)
        return said.id

    async def _edit(
        self, sender: Sender, outgoing: Outgoing, message_id: str, text: str, name: str | None
    ) -> bool:
        """Give a message its words, whoever of us said it; false where it is gone, or cannot be changed."""
        try:
            await sender.edit(message_id, sender.format(text))
        except discord.HTTPException as error:
            if not has_error_code(error, *_NOT_EDITABLE):
                raise
            return await self._edit_as_author(outgoing.place, message_id, text, name)
        return True

    async def _edit_as_author(self, place: Place, message_id: str, text: str, name: str | None) -> bool:
        author = await self._sent_lookup.sender_of(place, message_id, name)
        try:
            if author is not None:
                await author.edit(message_id, author.format(text))
                return True
        except discord.HTTPException as error:
            if not has_error_code(error, *_NOT_EDITABLE):
                raise
        await self._delete_as_account(place, message_id)
        return False

    async def _delete_as_account(self, place: Place, message_id: str) -> None:
        """Delete what a webhook that is gone has said, where the account may."""
        with suppress(discord.HTTPException):
            await AccountSender(self._client, self._calls, place, None).delete(message_id)


async def _trigger_typing(channel: discord.PartialMessageable) -> None:
    await channel.typing()


@contextmanager
def _delivery_errors(calls: ApiCalls) -> Iterator[None]:
    """Let failures out as `RetryLater` and `Refused`."""
    try:
        yield
    except API_ERRORS as error:
        raise delivery_error(error, calls.timings) from error
    except UserError as error:  # memory cannot be asked now
        raise RetryLater(str(error)) from error
    except (RetryLater, DeliveryRefused):
        raise
    except Exception as error:
        log.exception("a message cannot be sent")
        raise delivery_error(error, calls.timings) from error
