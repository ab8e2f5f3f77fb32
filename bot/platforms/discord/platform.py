"""The bot's account on Discord, from logging in to leaving."""

import asyncio
import logging
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.chat.chat import Chat
from bot.config import Addresses, DiscordSettings
from bot.errors import UserError
from bot.memory.store import Memory
from bot.platforms.discord.api import FAILURES, ApiCalls
from bot.platforms.discord.backfill import Backfill
from bot.platforms.discord.channels import PLATFORM, Channels
from bot.platforms.discord.clocks import Timings
from bot.platforms.discord.command_menu import digest, menu
from bot.platforms.discord.commands import CommandHandler
from bot.platforms.discord.event_queue import EventQueue
from bot.platforms.discord.gateway import Gateway, brief
from bot.platforms.discord.inbound import InboundMessages
from bot.platforms.discord.outlet import DiscordOutlet
from bot.platforms.discord.webhooks import Webhooks
from bot.platforms.instance_lock import only_instance

log = logging.getLogger(__name__)

_PORTAL = "https://discord.com/developers/applications"
_WRONG_TOKEN = f"Discord does not accept the token: copy it anew from {_PORTAL} into DISCORD_TOKEN."
_NO_INTENT = (
    f"The bot may not read messages: at {_PORTAL}, under Bot, switch on the Message Content Intent, and "
    "start again."
)
_ENDS = {  # close codes after which a new connection ends the same way
    4004: _WRONG_TOKEN,
    4010: "Discord refuses the connection (code 4010, invalid shard).",
    4011: "The bot is in too many servers for one connection: Discord asks for sharding.",
    4012: "Discord no longer speaks this version of its protocol: update discord.py.",
    4013: "Discord refuses what the bot wants to be told (code 4013, invalid intents): update discord.py.",
    4014: _NO_INTENT,
}


class Discord:
    """Takes part in conversations on Discord, in as many servers and direct chats as it is in."""

    def __init__(
        self,
        chat: Chat,
        memory: Memory,
        settings: DiscordSettings,
        token: str,
        addresses: Addresses,
        clocks: Timings | None = None,
    ) -> None:
        self._chat, self._memory = chat, memory
        self._settings, self._token, self._addresses = settings, token, addresses
        self._clocks = clocks or Timings()
        self._open = AsyncExitStack()
        self._recovered = False
        self._ears: tuple[EventQueue | CommandHandler, ...] = ()
        self._client: Gateway
        self._calls: ApiCalls
        self._webhooks: Webhooks
        self._intake: EventQueue
        self._replies: CommandHandler
        self._catch_up: Backfill

    async def __aenter__(self) -> Self:
        """Log in, however long that takes; `UserError` for a wrong token and a missing intent."""
        async with AsyncExitStack() as stack:
            stack.enter_context(only_instance("Discord", self._token))
            _direct(self._addresses)
            logging.getLogger("discord").setLevel(logging.INFO)  # its debug lines hold what people say
            logging.getLogger("discord.client").addFilter(brief)
            self._client = await self._log_in()
            stack.push_async_callback(self._client.close)
            self._check_intents()
            self._build()
            stack.push_async_callback(self._replies.close)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_intake()
        await self._open.aclose()

    @property
    def account(self) -> str:
        """The id of the bot's user."""
        assert self._client.user
        return str(self._client.user.id)

    def stop_intake(self) -> None:
        """Accept nothing more; what is being answered can still be sent."""
        for part in self._ears:
            part.stop_intake()

    async def run(self) -> None:
        """Stay connected until closed; `UserError` where a restart would not help."""
        works = (self._connect(), self._intake.run(), self._watch(), self._publish())
        tasks = [asyncio.create_task(work) for work in works]
        connection, intake, *_ = tasks
        try:
            await asyncio.wait({connection, intake}, return_when=asyncio.FIRST_COMPLETED)
            if intake.done() and not connection.done():
                intake.result()
            await connection
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _log_in(self) -> Gateway:
        """Log in, as soon as Discord can be reached."""
        wait = self._clocks.retry
        while True:
            client = Gateway(self._clocks)
            try:
                async with asyncio.timeout(self._clocks.call):
                    await client.login(self._token)
                return client
            except discord.LoginFailure:
                await client.close()
                raise UserError(_WRONG_TOKEN) from None
            except FAILURES as error:
                await client.close()
                log.warning("Discord cannot be reached", extra={"error": type(error).__name__})
            except asyncio.CancelledError:
                await client.close()
                raise
            await asyncio.sleep(wait)
            wait = min(2 * wait, self._clocks.reconnect)

    def _check_intents(self) -> None:
        """Whether the application may read messages; asked before a connection is used up for the answer."""
        flags = self._client.application_flags
        if not (flags.gateway_message_content or flags.gateway_message_content_limited):
            raise UserError(_NO_INTENT)

    def _build(self) -> None:
        client, chat = self._client, self._chat
        self._calls = ApiCalls(client.http, self._clocks)
        self._webhooks = Webhooks(client, self._calls)
        places = Channels(client, self._calls, self.account)
        hearing = InboundMessages(client, chat, self._memory, places, self._webhooks)
        self._catch_up = Backfill(client, self._calls, self._memory, self.account, hearing.heard)
        self._intake = EventQueue(hearing, self._begin, self._bury)
        self._replies = CommandHandler(chat, self._memory, places, self._calls, self._settings.owners)
        self._ears = (self._intake, self._replies)
        client.events, client.poison = self._take, self._intake.poison
        chat.join(PLATFORM, DiscordOutlet(client, self._calls, self._webhooks, self._memory), client.health)

    def _take(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Sort an event; it is called while discord.py reads the connection, and must not wait."""
        if event == "interaction":
            self._replies.take(arguments[0])
        elif event == "webhooks_update":
            self._webhooks.forget(arguments[0].id)
        elif event in ("guild_remove", "guild_channel_delete", "thread_delete"):
            log.warning("gone", extra={"event": event, "id": arguments[0].id})
        else:
            self._intake.take(event, arguments)

    async def _begin(self) -> None:
        """A new session: go on where the last process ended, then read what was missed."""
        await self._client.wait_until_whole()
        if not self._recovered:
            await self._chat.recover(PLATFORM, self.account)
            self._recovered = True
        if not await self._catch_up.run():
            asyncio.get_running_loop().call_later(self._clocks.call, self._intake.catch_up)

    async def _publish(self) -> None:
        """Tell Discord the commands, where they have changed."""
        payload = menu()
        scope, new = f"{PLATFORM}/{self.account}", digest(payload)
        if (await self._memory.settings(scope)).get("menu") == new:
            return
        application = self._client.application_id
        assert application
        await self._client.wait_until_ready()
        try:
            await self._calls.make(self._client.http.bulk_upsert_global_commands(application, payload))
        except FAILURES as error:
            log.error("the commands cannot be published", extra={"error": type(error).__name__})
            return
        await self._memory.set_setting(scope, "menu", new)

    async def _bury(self, letter: str, reason: str) -> None:
        await self._memory.dead_letter(PLATFORM, self.account, letter, reason)

    async def _connect(self) -> None:
        while True:
            try:
                await self._client.connect()
                return
            except discord.PrivilegedIntentsRequired:
                raise UserError(_NO_INTENT) from None
            except discord.ConnectionClosed as error:
                known = _ENDS.get(error.code, f"Discord closed the connection (code {error.code}).")
                raise UserError(known) from None
            except AttributeError:
                # discord.py 2.7 asks its first connection how far it was, also where there was none yet
                if self._client.ws is not None:
                    raise
                await asyncio.sleep(self._clocks.retry)

    async def _watch(self) -> None:
        """Say in the log when there has been no connection for long, and when there is one again."""
        told, limit = False, self._clocks.unheard
        while True:
            await asyncio.sleep(min(limit / 4, 5.0))
            is_lost = self._client.unheard() > limit
            if is_lost != told:
                told = is_lost
                log.warning("no connection" if is_lost else "connected again", extra={"platform": PLATFORM})


def _direct(addresses: Addresses) -> None:
    """Send discord.py to other addresses; they hold for the whole process, and only tests have any."""
    if addresses.discord_api:
        Route.BASE = addresses.discord_api
        parts = urlsplit(addresses.discord_api)
        discord.asset.Asset.BASE = f"{parts.scheme}://{parts.netloc}/cdn"
    if addresses.discord_gateway:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(addresses.discord_gateway)
