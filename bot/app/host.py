"""The bot on its platforms: everything opened in order, run until a signal, closed in reverse."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Protocol, Self

from bot.app.admin import open_memory
from bot.chat.chat import Chat
from bot.chat.responder import PromptObserver
from bot.config import Config
from bot.engine.interface import Engine
from bot.errors import UserError
from bot.memory.store import Memory
from bot.persona.persona import Cast

log = logging.getLogger(__name__)

GRACE = 7.0  # seconds that answers somebody sees have to end after a signal
DEADLINE = 9.5  # seconds after which the process ends whatever hangs
UPKEEP = 3600.0  # seconds between backups, and between erasures of last copies


class Platform(Protocol):
    """A platform from login to logout."""

    async def __aenter__(self) -> Self:
        """Log in, however long that takes; `UserError` where a restart cannot help."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log out."""

    async def run(self) -> None:
        """Take in what people say until closed; `UserError` where a restart cannot help."""

    def stop_intake(self) -> None:
        """Take in nothing more; what is still to be sent can be."""


Open = Callable[[Chat, Memory, Config], Platform]


async def serve(
    settings: Config,
    cast: Cast,
    open_engine: Callable[[Config], Engine],
    observe_prompt: PromptObserver | None = None,
) -> None:
    """Host the personas until SIGTERM or SIGINT, which ends in time and loses nothing."""
    _heed_signals()
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(open_memory(settings))
        for notice in (*memory.notices, *(f"{key} is left out: {why}." for key, why in cast.broken.items())):
            log.warning(notice)
        engine = await stack.enter_async_context(open_engine(settings))
        chat = Chat(memory, engine, cast, settings.chat, settings.model, observe_prompt=observe_prompt)
        platforms = _open_all(chat, memory, settings)
        try:
            await _run(platforms, chat, memory, stack)
        finally:
            for platform in platforms:
                platform.stop_intake()
            log.info("stopping")
            await chat.close(GRACE)


def _heed_signals() -> None:
    """The first signal cancels this task; a second one, or the deadline after the first, ends the process."""
    task = asyncio.current_task()
    assert task
    loop, told = asyncio.get_running_loop(), False

    def heed() -> None:
        nonlocal told
        if told:
            os._exit(0)
        told = True
        timer = threading.Timer(DEADLINE, os._exit, [0])
        timer.daemon = True
        timer.start()
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heed)


def _open_all(chat: Chat, memory: Memory, settings: Config) -> list[Platform]:
    return [_OPEN[name](chat, memory, settings) for name in settings.tokens]


def _discord(chat: Chat, memory: Memory, settings: Config) -> Platform:
    try:
        from bot.platforms.discord import Discord
    except ModuleNotFoundError as error:
        raise _missing(error, "discord") from None
    return Discord(chat, memory, settings.discord, settings.tokens["DISCORD_TOKEN"], settings.addresses)


def _telegram(chat: Chat, memory: Memory, settings: Config) -> Platform:
    try:
        from bot.platforms.telegram import Telegram
    except ModuleNotFoundError as error:
        raise _missing(error, "telegram") from None
    return Telegram(chat, memory, settings.telegram, settings.tokens["TELEGRAM_TOKEN"], settings.addresses)


def _missing(error: ModuleNotFoundError, library: str) -> Exception:
    """What to say of a platform's library that is not there; a bug of our own stays one."""
    if error.name != library:
        return error
    return UserError(f"{library.title()} needs its library: run `pip install 'alterego[{library}]'`.")


_OPEN: dict[str, Open] = {"DISCORD_TOKEN": _discord, "TELEGRAM_TOKEN": _telegram}


async def _run(platforms: Sequence[Platform], chat: Chat, memory: Memory, stack: AsyncExitStack) -> None:
    """Run every platform, while the model loads and backups are made; one that cannot go on is left out."""
    running = {asyncio.create_task(_live(platform, stack)) for platform in platforms}
    beside = {asyncio.create_task(_ready(chat.engine)), asyncio.create_task(_keep_up(memory))}
    try:
        while running:
            done, _ = await asyncio.wait(running | beside, return_when=asyncio.FIRST_COMPLETED)
            for task in done & beside:
                task.result()
            beside -= done
            for task in done & running:
                running.discard(task)
                _note_end(task, last=not running)
    finally:
        for task in running | beside:
            task.cancel()
        await asyncio.gather(*running, *beside, return_exceptions=True)


async def _live(platform: Platform, stack: AsyncExitStack) -> None:
    """Log in and run, whatever others wait for; logging out is left to the stack."""
    await stack.enter_async_context(platform)
    await platform.run()


def _note_end(task: asyncio.Task[None], *, last: bool) -> None:
    """Raise what ended the last platform; of another one, say it and go on."""
    try:
        task.result()
    except UserError as error:
        if last:
            raise
        log.error("a platform is left out", extra={"reason": str(error)})


async def _ready(engine: Engine) -> None:
    await engine.ready()
    log.info("the model is ready")


async def _keep_up(memory: Memory) -> None:
    """Back up once a day, and finish erasures."""
    while True:
        try:
            await memory.settle()
            if await memory.wants_backup():
                await memory.backup()
        except UserError as error:
            log.error("upkeep failed", extra={"reason": str(error)})
        await asyncio.sleep(UPKEEP)
