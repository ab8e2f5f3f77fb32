"""The bot's account on Discord, from login to close."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self

import discord

from bot.addresses import Addresses
from bot.chat.chat import Chat
from bot.chat.commands.publication import CommandPublication
from bot.config import DiscordSettings
from bot.errors import UserError
from bot.memory.store import Memory
from bot.platforms.discord.api import API_ERRORS, ApiCalls
from bot.platforms.discord.backfill import Backfill
from bot.platforms.discord.channels import PLATFORM, Channels
from bot.platforms.discord.command_publication import publish_where_changed
from bot.platforms.discord.commands import DiscordCommandHandler
from bot.platforms.discord.compat import has_no_socket, shorten_reconnect_record, use_addresses
from bot.platforms.discord.departures import Departures
from bot.platforms.discord.event_queue import EventQueue
from bot.platforms.discord.gateway import Gateway
from bot.platforms.discord.inbound import InboundMessages
from bot.platforms.discord.missed_changes import MissedChanges
from bot.platforms.discord.outlet import DiscordOutlet
from bot.platforms.discord.timings import DiscordTimings
from bot.platforms.discord.webhook_pictures import WebhookPictures
from bot.platforms.discord.webhook_upkeep import WebhookUpkeep
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
    4013: "Discord refuses the bot's intents (code 4013, invalid intents): update discord.py.",
    4014: _NO_INTENT,
}


class Discord:
    """The Discord platform: one bot account in its servers and direct chats."""

    def __init__(
        self,
        chat: Chat,
        memory: Memory,
        settings: DiscordSettings,
        token: str,
        addresses: Addresses,
        timings: DiscordTimings | None = None,
    ) -> None:
        self._chat, self._memory, self._settings = chat, memory, settings
        self._token, self._addresses = token, addresses
        self._timings = timings or DiscordTimings()
        self._exit_stack = AsyncExitStack()
        self._recovered = False
        self._intakes: tuple[EventQueue | DiscordCommandHandler, ...] = ()
        self._client: Gateway
        self._calls: ApiCalls
        self._webhooks: Webhooks
        self._event_queue: EventQueue
        self._commands: DiscordCommandHandler
        self._publication: CommandPublication
        self._backfill: Backfill
        self._departures: Departures
        self._missed_changes: MissedChanges

    async def __aenter__(self) -> Self:
        """Log in, however long that takes. Raises `UserError` for a wrong token and for a missing intent."""
        async with AsyncExitStack() as stack:
            stack.enter_context(hold_token("Discord", self._token))
            use_addresses(self._addresses)
            logging.getLogger("discord").setLevel(logging.INFO)  # its debug records hold people's messages
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
        """Accept no further message or command; answers under way can still be sent."""
        for intake in self._intakes:
            intake.stop_intake()

    async def run(self) -> None:
        """Stay connected until closed. Raises `UserError` where a restart would not help."""
        works = (self._connect(), self._event_queue.run(), self._log_outages(), self._publication.run())
        tasks = [asyncio.create_task(work) for work in works]
        connection, event_queue, *_ = tasks
        try:
            await asyncio.wait({connection, event_queue}, return_when=asyncio.FIRST_COMPLETED)
            if event_queue.done() and not connection.done():
                event_queue.result()
            await connection
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _log_in(self) -> Gateway:
        """Return a client that is logged in, as soon as Discord can be reached."""
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
                log.warning("discord_unreachable", extra={"error": type(error).__name__})
            except asyncio.CancelledError:
                await client.close()
                raise
            await asyncio.sleep(wait)
            wait = min(2 * wait, self._timings.longest_reconnect)

    def _check_intents(self) -> None:
        """Raise `UserError` unless the application may read messages; the check needs no gateway session."""
        flags = self._client.application_flags
        if not (flags.gateway_message_content or flags.gateway_message_content_limited):
            raise UserError(_NO_INTENT)

    def _build(self) -> None:
        client, chat = self._client, self._chat
        self._calls = ApiCalls(client.http, self._timings)
        pictures = WebhookPictures(self._memory, f"{PLATFORM}/{self.account}/pictures")
        upkeep = WebhookUpkeep(self._calls, pictures)
        self._webhooks = Webhooks(client, self._calls, upkeep, lambda: chat.cast.personas.values())
        channels = Channels(client, self._calls, self.account)
        proxies = frozenset(self._settings.proxies)
        inbound = InboundMessages(client, chat, self._memory, self._calls, channels, self._webhooks, proxies)
        self._backfill = Backfill(client, self._calls, self._memory, self.account, inbound.receive)
        self._missed_changes = MissedChanges(client, self._calls, self._memory, inbound, self.account)
        self._departures = Departures(client, self._memory, self._webhooks, self.account)
        self._event_queue = EventQueue(inbound, self._departures, self._start_session, self._dead_letter)
        self._commands = DiscordCommandHandler(
            chat, self._memory, channels, self._calls, self._settings.owners
        )
        scope = f"{PLATFORM}/{self.account}"
        publish = partial(publish_where_changed, client, self._calls, self._memory, scope)
        self._publication = CommandPublication(self._memory, scope, publish, self._timings.retry_delay)
        self._intakes = (self._event_queue, self._commands)
        client.on_event, client.on_unreadable = self._route_event, self._event_queue.put_unreadable
        chat.join(
            PLATFORM,
            DiscordOutlet(client, self._calls, self._webhooks, self._memory),
            lambda: client.connection_status() + self._publication.status,
        )

    def _route_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Route an event; discord.py calls this method while it reads the connection, so it must not wait."""
        if event == "interaction":
            self._commands.handle(arguments[0])
        elif event == "webhooks_update":
            self._webhooks.forget(arguments[0].id)
        else:
            if event in ("ready", "resumed"):
                self._publication.note_connection()
            self._event_queue.put_event(event, arguments)

    async def _start_session(self, direct_gaps: Mapping[int, int]) -> None:
        """Recover the last process's work on the first session, then read the missed messages."""
        self._backfill.add_direct_gaps(direct_gaps)
        await self._client.wait_until_guilds_listed()
        if not self._recovered:
            await self._chat.recover(PLATFORM, self.account)
            await self._departures.report_absent_servers()
            self._recovered = True
        await self._missed_changes.run()
        if not await self._backfill.run():
            asyncio.get_running_loop().call_later(self._timings.call_timeout, self._event_queue.put_backfill)

    async def _dead_letter(self, delivery_id: str, reason: str) -> None:
        await self._memory.dead_letter(PLATFORM, self.account, delivery_id, reason)

    async def _connect(self) -> None:
        while True:
            try:
                await self._client.connect()
                return
            except discord.PrivilegedIntentsRequired:
                raise UserError(_NO_INTENT) from None
            except discord.ConnectionClosed as error:
                message = _FATAL_CLOSE_CODES.get(
                    error.code, f"Discord closed the connection (code {error.code})."
                )
                raise UserError(message) from None
            except AttributeError:
                if not has_no_socket(self._client):
                    raise
                await asyncio.sleep(self._timings.retry_delay)

    async def _log_outages(self) -> None:
        """Log a long time without connection, and its end."""
        is_logged, limit = False, self._timings.offline_warning
        while True:
            await asyncio.sleep(min(limit / 4, 5.0))
            is_lost = self._client.seconds_offline() > limit
            if is_lost != is_logged:
                is_logged = is_lost
                log.warning(
                    "connection_lost" if is_lost else "connection_restored", extra={"platform": PLATFORM}
                )
