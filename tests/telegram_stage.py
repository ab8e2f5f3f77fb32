"""The bot on the fake Telegram, in this process: real library, real memory, scripted model."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from bot.chat.chat import Chat
from bot.config import Addresses, ChatSettings, ModelSettings, TelegramSettings
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Cast
from bot.platforms.telegram import Telegram
from bot.platforms.telegram.rate_limit import Rate, Rates
from bot.platforms.telegram.timing import Timing
from tests.conftest import MARA, OZZO
from tests.fakes.model import ScriptedEngine
from tests.fakes.telegram.chat import Chat as FakeChat
from tests.fakes.telegram_server import TelegramServer

QUICK = Timing(
    poll=1,
    margin=0.3,
    deaf=0.2,
    least=0.02,
    most=0.1,
    conflicts=3,
    call=2,
    typing=0.1,
    draft=0.02,
    grow=0.05,
)
SWIFT = Rates(Rate(1000, 1.0), Rate(1000, 1.0), Rate(1000, 1.0))


class Bot:
    """The whole bot, which can be stopped and started again on the same memory."""

    def __init__(self, fake: TelegramServer, folder: Path) -> None:
        self.fake, self.folder, self.engine = fake, folder, ScriptedEngine()
        self.settings, self.owners = ChatSettings(debounce=0), ("77",)
        self.cast, self.timing, self.rates = Cast({"mara": MARA}, {}), QUICK, SWIFT
        self.memory: Memory
        self.chat: Chat
        self.telegram: Telegram
        self.running: asyncio.Task[None] | None = None
        self._open = AsyncExitStack()

    async def start(self) -> None:
        self.memory = await self._open.enter_async_context(Memory(self.folder / "memory.db"))
        self.chat = Chat(self.memory, self.engine, self.cast, self.settings, ModelSettings())
        self.telegram = Telegram(
            self.chat,
            TelegramSettings(owners=self.owners),
            self.fake.token,
            Addresses(telegram_api=self.fake.url),
            timing=self.timing,
            rates=self.rates,
        )
        await self._open.enter_async_context(self.telegram)
        self.running = asyncio.create_task(self.telegram.run())

    async def stop(self) -> None:
        """As the program does it at a signal."""
        if self.running:
            self.running.cancel()
            await asyncio.gather(self.running, return_exceptions=True)
            self.telegram.hush()
            await self.chat.close()
        self.running = None
        await self._open.aclose()

    async def ended(self) -> None:
        """Wait until the platform runs no more; raises what ended it."""
        assert self.running
        await self.running

    def place(self, chat: FakeChat, thread: int | None = None) -> Place:
        return Place("telegram", str(self.fake.bot.id), str(chat.id), str(thread or ""))

    async def sees(self, chat: FakeChat, *texts: str) -> None:
        """Wait until exactly these messages of the bot's stand in the chat."""
        try:
            await self.fake.until(lambda: self.fake.visible(chat) == list(texts))
        finally:
            assert self.fake.visible(chat) == list(texts)

    async def history(self, chat: FakeChat, thread: int | None = None) -> list[str]:
        found = await self.memory.history(self.place(chat, thread))
        return [f"{message.author.name}: {message.text}" for message in found]

    async def quiet(self) -> None:
        """Wait until everything there is has been taken, and nobody speaks."""
        await self.fake.until(lambda: not self.fake.updates.pending and self.fake.updates.polling)
        for room in self.chat.rooms():
            await room.idle()


def both(bot: Bot) -> None:
    """Two personas instead of one."""
    bot.cast = Cast({"mara": MARA, "ozzo": OZZO}, {})
