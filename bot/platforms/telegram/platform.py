"""The account on Telegram, from logging in to logging out."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

from telegram.error import InvalidToken, TelegramError

from bot.chat.chat import Chat
from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.config import Addresses, TelegramSettings
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place
from bot.platforms.instance_lock import only_instance
from bot.platforms.telegram.api import Connection, TooMany, open_bot
from bot.platforms.telegram.command_menu import show_commands
from bot.platforms.telegram.commands import CommandHandler
from bot.platforms.telegram.events import Me
from bot.platforms.telegram.inbound import InboundUpdates
from bot.platforms.telegram.outlet import TelegramOutlet
from bot.platforms.telegram.polling import Polling
from bot.platforms.telegram.rate_limit import RateLimit, Rates
from bot.platforms.telegram.sender import Sender
from bot.platforms.telegram.timing import Timing
from bot.platforms.telegram.translate import PLATFORM

log = logging.getLogger(__name__)

T = TypeVar("T")
_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]{10,}")


class Telegram:
    """One bot account with its personas, while the context is entered."""

    def __init__(
        self,
        chat: Chat,
        memory: Memory,
        settings: TelegramSettings,
        token: str,
        addresses: Addresses,
        *,
        timing: Timing | None = None,
        rates: Rates | None = None,
    ) -> None:
        self._chat, self._memory = chat, memory
        self._owners, self._timing = frozenset(settings.owners), timing or Timing()
        self._token, self._api, self._rates = token, addresses.telegram_api, rates
        self._open = AsyncExitStack()
        self._me: Me
        self._polling: Polling | None = None

    async def __aenter__(self) -> Self:
        """Log in, however long that takes, and join the chat; `UserError` where the token is refused."""
        if not _TOKEN.fullmatch(self._token):
            raise UserError(
                "TELEGRAM_TOKEN is not one of Telegram's: copy it from BotFather, digits and all."
            )
        async with AsyncExitStack() as stack:
            stack.enter_context(only_instance("Telegram", self._token))
            await self._connect(stack)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_intake()
        await self._open.aclose()

    async def run(self) -> None:
        """Go on where an earlier process ended, then take in what people say until hushed.

        Raises `UserError` where a restart cannot help: the token is revoked, or somebody else's poll takes
        the messages.
        """
        assert self._polling
        await self._chat.recover(PLATFORM, self._me.account)
        await self._polling.run()

    def stop_intake(self) -> None:
        """Take in nothing more; what is still to be sent can be."""
        if self._polling:
            self._polling.stop_intake()

    async def _connect(self, stack: AsyncExitStack) -> None:
        timing = self._timing
        polls = Connection(connection_pool_size=4, read_timeout=timing.poll + timing.margin)
        bot = open_bot(self._token, self._api, polls, timing.call)
        stack.push_async_callback(bot.shutdown)
        await self._insist(bot.initialize)
        self._me = Me(bot.id, bot.username)
        await self._insist(bot.delete_webhook)
        sender = Sender(bot, RateLimit(self._rates), timing.call)
        stack.push_async_callback(sender.close, timing.last)
        errands = CommandHandler(sender, self._chat, self._memory, self._owners)
        stack.push_async_callback(errands.close)
        intake = InboundUpdates(self._chat, self._memory, self._me, errands)
        self._polling = polling = Polling(bot, polls, intake.take, timing)
        stack.push_async_callback(polling.acknowledge)
        await self._show_commands(sender)
        outlet = TelegramOutlet(sender, self._chat, timing)
        self._chat.join(PLATFORM, outlet, lambda: f"polled {polling.age:.0f} s ago")
        log.info("logged in", extra={"account": self._me.account})

    async def _show_commands(self, sender: Sender) -> None:
        try:
            await show_commands(sender, self._memory, Place(PLATFORM, self._me.account, ""))
        except (RetryLater, DeliveryRefused, ChatMoved) as error:
            log.warning("the menu of commands is not shown", extra={"reason": str(error)})

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call that everything hangs on, as often as it takes."""
        wait = self._timing.least
        while True:
            rest = wait
            try:
                async with asyncio.timeout(self._timing.call):
                    return await call()
            except InvalidToken:
                raise UserError(
                    "Telegram refuses TELEGRAM_TOKEN: set the one that BotFather shows."
                ) from None
            except TooMany as error:
                rest = error.seconds
            except (TelegramError, TimeoutError) as error:
                log.warning("Telegram cannot be reached", extra={"reason": type(error).__name__})
            await asyncio.sleep(rest)
            wait = min(2 * wait, self._timing.most)
