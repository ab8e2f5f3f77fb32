"""The bot's account on Telegram, from login to close."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from telegram.error import InvalidToken, TelegramError

from bot.addresses import Addresses
from bot.chat.chat import Chat
from bot.chat.commands.publication import CommandPublication, PublicationError
from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.config import TelegramSettings
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.instance_lock import hold_token
from bot.platforms.telegram.api import open_bot
from bot.platforms.telegram.command_menu import publish_commands
from bot.platforms.telegram.commands import TelegramCommandHandler
from bot.platforms.telegram.compat import ApiRequest, TooManyRequests
from bot.platforms.telegram.events import BotAccount
from bot.platforms.telegram.inbound import InboundUpdates
from bot.platforms.telegram.outlet import TelegramOutlet
from bot.platforms.telegram.polling import Polling
from bot.platforms.telegram.rate_limit import RateLimit, Rates
from bot.platforms.telegram.sender import TelegramSender
from bot.platforms.telegram.timings import TelegramTimings
from bot.platforms.telegram.translate import PLATFORM

log = logging.getLogger(__name__)

T = TypeVar("T")
_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{10,}")


class Telegram:
    """The Telegram platform: one bot account, connected while the context is entered."""

    def __init__(
        self,
        chat: Chat,
        memory: Memory,
        settings: TelegramSettings,
        token: str,
        addresses: Addresses,
        *,
        timings: TelegramTimings | None = None,
        rates: Rates | None = None,
    ) -> None:
        self._chat, self._memory, self._settings = chat, memory, settings
        self._timings = timings or TelegramTimings()
        self._token, self._api, self._rates = token, addresses.telegram_api, rates
        self._exit_stack = AsyncExitStack()
        self._account: BotAccount
        self._polling: Polling | None = None

    async def __aenter__(self) -> Self:
        """Log in, however long that takes, and join the chat. Raises `UserError` for a refused token."""
        if not _TOKEN.fullmatch(self._token):
            raise UserError(
                "TELEGRAM_TOKEN is not one of Telegram's: copy it from BotFather, digits and all."
            )
        async with AsyncExitStack() as stack:
            stack.enter_context(hold_token("Telegram", self._token))
            await self._connect(stack)
            self._exit_stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_intake()
        await self._exit_stack.aclose()

    async def run(self) -> None:
        """Recover the last process's work, then take updates until `stop_intake`.

        Raises `UserError` where a restart cannot help: a revoked token, or a second program that polls.
        """
        assert self._polling
        await self._chat.recover(PLATFORM, self._account.account)
        await self._polling.run()

    def stop_intake(self) -> None:
        """Accept no further update; answers under way can still be sent."""
        if self._polling:
            self._polling.stop_intake()

    async def _connect(self, stack: AsyncExitStack) -> None:
        timings = self._timings
        polls = ApiRequest(connection_pool_size=4, read_timeout=timings.poll + timings.poll_margin)
        bot = open_bot(self._token, self._api, polls, timings.call_timeout)
        stack.push_async_callback(bot.shutdown)
        await self._call_until_done(bot.initialize)
        self._account = BotAccount(bot.id, bot.username, frozenset(self._settings.proxies))
        await self._call_until_done(bot.delete_webhook)
        sender = TelegramSender(bot, RateLimit(self._rates), timings.call_timeout)
        stack.push_async_callback(sender.close, timings.shutdown_timeout)
        commands = TelegramCommandHandler(sender, self._chat, self._memory, frozenset(self._settings.owners))
        stack.push_async_callback(commands.close)
        inbound = InboundUpdates(self._chat, self._memory, self._account, commands)
        self._polling = polling = Polling(bot, polls, inbound.take, timings)
        stack.push_async_callback(polling.acknowledge)
        publication = CommandPublication(
            self._memory,
            f"{PLATFORM}/{self._account.account}",
            partial(self._publish_commands, sender),
            timings.shortest_wait,
        )
        await stack.enter_async_context(publication)
        outlet = TelegramOutlet(sender, self._chat, timings)
        self._chat.join(
            PLATFORM,
            outlet,
            lambda: f"polled {polling.seconds_since_poll:.0f} s ago{publication.status}",
        )
        log.info("logged_in", extra={"account": self._account.account})

    async def _publish_commands(self, sender: TelegramSender) -> None:
        """Fill Telegram's menu. Raises `PublicationError`."""
        try:
            await publish_commands(sender, self._memory, Place(PLATFORM, self._account.account, ""))
        except (RetryLater, DeliveryRefused, ChatMoved, UserError) as error:
            seconds = error.seconds if isinstance(error, RetryLater) else 0.0
            raise PublicationError(f"Telegram: {error}", seconds) from error

    async def _call_until_done(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return the result of a call without which the bot cannot start; try again as often as needed."""
        wait = self._timings.shortest_wait
        while True:
            seconds = wait
            try:
                async with asyncio.timeout(self._timings.call_timeout):
                    return await call()
            except InvalidToken:
                raise UserError(
                    "Telegram refuses TELEGRAM_TOKEN: set the one that BotFather shows."
                ) from None
            except TooManyRequests as error:
                seconds = error.seconds
            except (TelegramError, TimeoutError) as error:
                log.warning("telegram_unreachable", extra={"reason": type(error).__name__})
            await asyncio.sleep(seconds)
            wait = min(2 * wait, self._timings.longest_wait)
