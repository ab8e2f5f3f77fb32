"""The bot's account on Discord, from logging in to leaving."""

import asyncio
import logging
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import discord

from bot.chat.chat import Chat
from bot.config import Addresses, DiscordSettings
from bot.errors import UserError
from bot.platforms.discord.api import API_ERRORS, ApiCalls
from bot.platforms.discord.backfill import Backfill
from bot.platforms.discord.channels import PLATFORM, Channels
from bot.platforms.discord.command_menu import application_commands, payload_digest
from bot.platforms.discord.commands import DiscordCommandHandler
from bot.platforms.discord.compat import (
    has_no_socket,
    publish_commands,
    shorten_reconnect_record,
    use_addresses,
)
from bot.platforms.discord.event_queue import EventQueue
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.inbound import InboundMessages
from bot.platforms.discord.outlet import DiscordOutlet
from bot.platforms.discord.timings import DiscordTimings
from bot.platforms.discord.webhooks import Webhooks
from bot.platforms.instance_lock import hold_token

log = logging.getLogger(__name__)

_PORTAL = "https://discord.com/developers/applications"
_WRONG_TOKEN = f"Discord does not accept the token: copy it anew from {_PORTAL} into DISCORD_TOKEN."
_NO_INTENT = (
    f"The bot may not read messages: at {_PORTAL}, under Bot, switch on the Message Content Intent, and "
    "start again."
)
_FATAL_CLOSE_CODES = {  # close codes after which a new connection ends the same way
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
        settings: DiscordSettings,
        token: str,
        addresses: Addresses,
        timings: DiscordTimings | None = None,
    ) -> None:
        self._chat, self._settings, self._token, self._addresses = chat, settings, token, addresses
        self._timings = timings or DiscordTimings()
        self._exit_stack = AsyncExitStack()
        self._recovered = False
        self._intakes: tuple[EventQueue | DiscordCommandHandler, ...] = ()
        self._client: Gateway
        self._calls: ApiCalls
        self._webhooks: Webhooks
        self._event_queue: EventQueue
        self._commands: DiscordCommandHandler
        self._backfill: Backfill

    async def __aenter__(self) -> Self:
        """Log in, however long that takes; `UserError` for a wrong token and a missing intent."""
        async with AsyncExitStack() as stack:
            stack.enter_context(hold_token("Discord", self._token))
            use_addresses(self._addresses)
            logging.getLogger("discord").setLevel(logging.INFO)  # its debug lines hold what people say
            logging.getLogger("discord.client").addFilter(shorten_reconnect_record)
            self._client = await self._log_in()
            stack.push_async_callback(self._client.close)
            self._check_intents()
            self._build()
            stack.push_async_callback(self._commands.close)
            self._exit_stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_intake()
        await self._exit_stack.aclose()

    @property
    def account(self) -> str:
        """The id of the bot's user."""
        assert self._client.user
        return str(self._client.user.id)

    def stop_intake(self) -> None:
        """Accept nothing more; what is being answered can still be sent."""
        for part in self._intakes:
            part.stop_intake()

    async def run(self) -> None:
        """Stay connected until closed; `UserError` where a restart would not help."""
        works = (self._connect(), self._event_queue.run(), self._log_outages(), self._publish_commands())
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
        wait = self._timings.retry_delay
        while True:
            client = Gateway(self._timings)
            try:
                async with asyncio.timeout(self._timings.call_timeout):
                    await client.login(self._token)
                return client
            except discord.LoginFailure:
                await client.close()
                raise UserError(_WRONG_TOKEN) from None
            except API_ERRORS as error:
                await client.close()
                log.warning("Discord cannot be reached", extra={"error": type(error).__name__})
            except asyncio.CancelledError:
                await client.close()
                raise
            await asyncio.sleep(wait)
            wait = min(2 * wait, self._timings.longest_reconnect)

    def _check_intents(self) -> None:
        """Whether the application may read messages; asked before a connection is used up for the answer."""
        flags = self._client.application_flags
        if not (flags.gateway_message_content or flags.gateway_message_content_limited):
            raise UserError(_NO_INTENT)

    def _build(self) -> None:
        client, chat = self._client, self._chat
        self._calls = ApiCalls(client.http, self._timings)
        self._webhooks = Webhooks(client, self._calls)
        places = Channels(client, self._calls, self.account)
        hearing = InboundMessages(client, chat, places, self._webhooks)
        self._backfill = Backfill(client, self._calls, chat.memory, self.account, hearing.receive)
        self._event_queue = EventQueue(hearing, self._start_session, self._dead_letter)
        self._commands = DiscordCommandHandler(chat, places, self._calls, self._settings.owners)
        self._intakes = (self._event_queue, self._commands)
        client.on_event, client.on_unreadable = self._route_event, self._event_queue.put_unreadable
        chat.join(
            PLATFORM,
            DiscordOutlet(client, self._calls, self._webhooks, chat.memory),
            client.connection_status,
        )

    def _route_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Sort an event; it is called while discord.py reads the connection, and must not wait."""
        if event == "interaction":
            self._commands.handle(arguments[0])
        elif event == "webhooks_update":
            self._webhooks.forget(arguments[0].id)
        elif event in ("guild_remove", "guild_channel_delete", "thread_delete"):
            log.warning("gone", extra={"event": event, "id": arguments[0].id})
        else:
            self._event_queue.put_event(event, arguments)

    async def _start_session(self) -> None:
        """A new session: go on where the last process ended, then read what was missed."""
        await self._client.wait_until_guilds_listed()
        if not self._recovered:
            await self._chat.recover(PLATFORM, self.account)
            self._recovered = True
        if not await self._backfill.run():
            asyncio.get_running_loop().call_later(self._timings.call_timeout, self._event_queue.put_backfill)

    async def _publish_commands(self) -> None:
        """Tell Discord the commands, where they have changed."""
        payload = application_commands()
        scope, new = f"{PLATFORM}/{self.account}", payload_digest(payload)
        if (await self._chat.memory.platform_state(scope)).get("menu") == new:
            return
        application = self._client.application_id
        assert application
        await self._client.wait_until_ready()
        try:
            await self._calls.make_call(publish_commands(self._client, application, payload))
        except API_ERRORS as error:
            log.error("the commands cannot be published", extra={"error": type(error).__name__})
            return
        await self._chat.memory.set_platform_state(scope, "menu", new)

    async def _dead_letter(self, delivery_id: str, reason: str) -> None:
        await self._chat.memory.dead_letter(PLATFORM, self.account, delivery_id, reason)

    async def _connect(self) -> None:
        while True:
            try:
                await self._client.connect()
                return
            except discord.PrivilegedIntentsRequired:
                raise UserError(_NO_INTENT) from None
            except discord.ConnectionClosed as error:
                known = _FATAL_CLOSE_CODES.get(
                    error.code, f"Discord closed the connection (code {error.code})."
                )
                raise UserError(known) from None
            except AttributeError:
                if not has_no_socket(self._client):
                    raise
                await asyncio.sleep(self._timings.retry_delay)

    async def _log_outages(self) -> None:
        """Say in the log when there has been no connection for long, and when there is one again."""
        told, limit = False, self._timings.offline_warning
        while True:
            await asyncio.sleep(min(limit / 4, 5.0))
            is_lost = self._client.seconds_offline() > limit
            if is_lost != told:
                told = is_lost
                log.warning("no connection" if is_lost else "connected again", extra={"platform": PLATFORM})
