"""The real python-telegram-bot, connected to the fake."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from telegram import Bot, Update
from telegram.error import (
    TelegramError,
)
from telegram.ext import ApplicationBuilder, MessageHandler, filters
from telegram.request import HTTPXRequest

from tests.fakes.telegram_server import (
    TelegramServer,
)

Handle = Callable[[str], Awaitable[None]]


def builder(fake: TelegramServer) -> Any:
    start = ApplicationBuilder().token(fake.token).base_url(f"{fake.url}/bot")
    return start.base_file_url(f"{fake.url}/file/bot").read_timeout(2).get_updates_read_timeout(0.3)


@asynccontextmanager
async def connected(fake: TelegramServer, **settings: Any) -> AsyncIterator[Bot]:
    """A bare bot; the settings are those of its requests."""
    request = HTTPXRequest(**settings)
    async with Bot(fake.token, f"{fake.url}/bot", f"{fake.url}/file/bot", request=request) as bot:
        yield bot


@dataclass
class Running:
    """An application that polls, and the errors of its poller."""

    application: Any
    errors: list[TelegramError]
    seen: list[str]

    async def stop(self) -> None:
        """Stop polling, then handle what is queued."""
        if self.application.updater.running:
            await self.application.updater.stop()
        if self.application.running:
            await self.application.stop()


@asynccontextmanager
async def running(
    fake: TelegramServer, handle: Handle | None = None, make: Any = None, wait: int = 10
) -> AsyncIterator[Running]:
    """Poll with these handlers; `wait`: seconds of a long poll."""
    async with AsyncExitStack() as stack:
        application = (make or builder(fake)).build()
        it = Running(application, [], [])

        async def on_message(update: Update, _: Any) -> None:
            assert update.message is not None
            assert update.message.text is not None
            if handle:
                await handle(update.message.text)
            it.seen.append(update.message.text)

        application.add_handler(MessageHandler(filters.TEXT, on_message))
        await stack.enter_async_context(application)
        stack.push_async_callback(it.stop)
        # the interval is also the first wait after an error, in place of a second
        await application.updater.start_polling(0.01, timeout=wait, error_callback=it.errors.append)
        await application.start()
        yield it


SCRIPT = """import asyncio, telegram

async def main():
    async with telegram.Bot({token!r}, {url!r} + "/bot") as bot:
        {body}

asyncio.run(main())
"""


async def script(fake: TelegramServer, body: str) -> Process:
    """A bot in a process of its own, to be killed; `body` is what it does with `bot`."""
    code = SCRIPT.format(token=fake.token, url=fake.url, body=body)
    return await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
