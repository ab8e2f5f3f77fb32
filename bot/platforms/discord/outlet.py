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
    FAILURES,
    NOT_THE_AUTHOR,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    ApiCalls,
    has_code,
    outcome,
)
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.senders import AccountSender, Sender, channel_of, name_line
from bot.platforms.discord.sent_lookup import SentLookup
from bot.platforms.discord.webhooks import Webhooks
from bot.text.splitting import split_message, utf16_length

log = logging.getLogger(__name__)

LONGEST = 2000  # characters of a message; counted in UTF-16 units, which are never fewer
_NOT_MINE = (UNKNOWN_MESSAGE, NOT_THE_AUTHOR, UNKNOWN_WEBHOOK)
_REMEMBERED = 256  # drafts of which the last text shown is known


class DiscordOutlet:
    """Discord as answers see it."""

    marks = True

    def __init__(self, client: Gateway, calls: ApiCalls, webhooks: Webhooks, memory: Memory) -> None:
        self._client, self._calls, self._webhooks = client, calls, webhooks
        self._traces = SentLookup(client, calls, webhooks, memory)
        self._shown: dict[str, str] = {}  # by key, what a try to show it began with

    def limit(self, place: Place, persona: Persona | None) -> int:
        """The longest message, with room for a name line: whether one is needed may change."""
        return LONGEST - self.measure(name_line(self._client, persona.name if persona else None))

    def measure(self, text: str) -> int:
        return utf16_length(text)

    def pace(self, place: Place) -> float:
        return self._calls.clocks.pace

    def stays(self, place: Place) -> bool:
        return True

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        """Show at once that somebody is typing, and go on; nothing waits for it."""
        task = asyncio.create_task(self._type(place))
        try:
            yield
        finally:
            task.cancel()

    async def _type(self, place: Place) -> None:
        guild = int(place.server) if place.server else None
        channel = self._client.get_partial_messageable(channel_of(place), guild_id=guild)
        while True:
            try:
                await self._calls.make(_once(channel))
            except FAILURES as error:
                log.debug("typing is not shown", extra={"place": str(place), "error": type(error).__name__})
            await asyncio.sleep(self._calls.clocks.typing)

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> str | None:
        """Show the first message of what there is of an answer."""
        text = split_message(text, self.limit(draft.place, persona), self.measure)[0].whole
        if self._shown.get(draft.key) == text:
            return draft.sent_id
        with _delivered(self._calls):
            seen = (
                await self._traces.find(draft, persona, text) if self._is_new_here(draft) else draft.sent_id
            )
            self._remember(draft.key, text)
            return await self._put(draft, persona, text, seen)

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        """Say one part, in the message that stands there for it or in a new one."""
        if not outgoing.text.strip():
            raise DeliveryRefused("there are no words to send")
        with _delivered(self._calls):
            standing = outgoing.sent_id
            if standing is None and (outgoing.state == "sending" or outgoing.attempts):
                standing = await self._traces.find(outgoing, persona, outgoing.text)
            sent_id = await self._put(outgoing, persona, outgoing.text, standing)
        self._shown.pop(outgoing.key, None)
        return sent_id

    async def remove(self, place: Place, sent_ids: Sequence[str]) -> None:
        """Delete messages; what cannot be deleted stays."""
        for sent_id in sent_ids:
            try:
                voice = await self._traces.voice_of(place, sent_id)
                if voice:
                    await voice.take_back(sent_id)
            except FAILURES as error:
                log.info("not taken back", extra={"place": str(place), "error": type(error).__name__})

    def _is_new_here(self, draft: Outgoing) -> bool:
        """Whether an earlier process, or an attempt that was taken back, may have shown it."""
        return draft.sent_id is None and draft.attempts > 0 and draft.key not in self._shown

    def _remember(self, key: str, text: str) -> None:
        self._shown[key] = text
        while len(self._shown) > _REMEMBERED:
            del self._shown[next(iter(self._shown))]

    async def _put(self, outgoing: Outgoing, persona: Persona | None, text: str, standing: str | None) -> str:
        """Let the text stand in the place; by the account, where a webhook fails twice."""
        name = persona.name if persona else None
        for _ in range(2):
            voice = await self._voice(outgoing.place, persona)
            try:
                return await self._say(voice, outgoing, text, standing, name)
            except discord.HTTPException as error:
                if isinstance(voice, AccountSender) or not has_code(error, UNKNOWN_WEBHOOK):
                    raise
                self._webhooks.forget(int(outgoing.place.chat))
        account = AccountSender(self._client, self._calls, outgoing.place, name)
        return await self._say(account, outgoing, text, standing, name)

    async def _voice(self, place: Place, persona: Persona | None) -> Sender:
        hook = await self._webhooks.find(place, persona) if persona else None
        return hook or AccountSender(self._client, self._calls, place, persona.name if persona else None)

    async def _say(
        self, voice: Sender, outgoing: Outgoing, text: str, standing: str | None, name: str | None
    ) -> str:
        nonce = outgoing.key
        if standing is not None:
            if await self._change(voice, outgoing, standing, text, name):
                return standing
            nonce += "a"  # the message under the first one was deleted
        words, reply_to = voice.dress(text), outgoing.reply_to if outgoing.part == 0 else None
        try:
            said = await voice.say(words, nonce or None, reply_to)
        except discord.NotFound as error:
            if not has_code(error, UNKNOWN_MESSAGE):
                raise
            said = await voice.say(words, f"{nonce}b" if nonce else None, reply_to)
        if said.text.strip() != words.strip():  # the nonce was known, and stands for what was shown before
            await voice.change(said.id, words)
        return said.id

    async def _change(
        self, voice: Sender, outgoing: Outgoing, message_id: str, text: str, name: str | None
    ) -> bool:
        """Give a message its words, whoever of us said it; false where it is gone, or cannot be changed."""
        try:
            await voice.change(message_id, voice.dress(text))
        except discord.HTTPException as error:
            if not has_code(error, *_NOT_MINE):
                raise
            return await self._change_as_author(outgoing.place, message_id, text, name)
        return True

    async def _change_as_author(self, place: Place, message_id: str, text: str, name: str | None) -> bool:
        author = await self._traces.voice_of(place, message_id, name)
        try:
            if author is not None:
                await author.change(message_id, author.dress(text))
                return True
        except discord.HTTPException as error:
            if not has_code(error, *_NOT_MINE):
                raise
        await self._clear(place, message_id)
        return False

    async def _clear(self, place: Place, message_id: str) -> None:
        """Delete what a webhook that is gone has said, where the account may."""
        with suppress(discord.HTTPException):
            await AccountSender(self._client, self._calls, place, None).take_back(message_id)


async def _once(channel: discord.PartialMessageable) -> None:
    await channel.typing()


@contextmanager
def _delivered(calls: ApiCalls) -> Iterator[None]:
    """Let failures out as `RetryLater` and `Refused`."""
    try:
        yield
    except FAILURES as error:
        raise outcome(error, calls.clocks) from error
    except UserError as error:  # memory cannot be asked now
        raise RetryLater(str(error)) from error
    except (RetryLater, DeliveryRefused):
        raise
    except Exception as error:
        log.exception("a message cannot be sent")
        raise outcome(error, calls.clocks) from error
