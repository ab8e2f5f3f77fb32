"""Hosting on platforms: everything is opened in order, runs until a signal, and is closed in reverse."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from bot.app.admin import open_memory, startup_notices
from bot.chat.adapter_loader import AdapterLoader
from bot.chat.chat import Chat
from bot.chat.responder import PromptObserver
from bot.config import Config
from bot.engine.interface import Engine
from bot.errors import UserError
from bot.memory.store import Memory
from bot.persona.persona import Cast
from bot.system.signals import SECONDS_TO_END, end_signals, set_loop_signal_handlers

log = logging.getLogger(__name__)

DEADLINE = SECONDS_TO_END  # seconds after a signal until the process ends, whatever hangs
GRACE = DEADLINE - 2.5  # seconds that visible replies have to end after a signal
STAGE_INTERVAL = 30.0  # seconds between two log lines about a model that is still being fetched or loaded
MAINTENANCE_INTERVAL = 3600.0  # seconds between backups, and between erasures of last copies


class Platform(Protocol):
    """A platform from login to logout."""

    async def __aenter__(self) -> Self:
        """Log in, however long that takes. Raises `UserError` where a restart cannot help."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Log out."""

    async def run(self) -> None:
        """Accept messages until closed. Raises `UserError` where a restart cannot help."""

    def stop_intake(self) -> None:
        """Accept no more messages; parts can still be sent."""


OpenPlatform = Callable[[Chat, Memory, Config], Platform]


@dataclass(frozen=True, slots=True)
class Hosted:
    """A chat and its memory, both open, for the page beside the API."""

    chat: Chat
    memory: Memory


OpenApi = Callable[[Engine, Callable[[], Cast], AdapterLoader, Hosted | None], Platform]


async def serve(
    settings: Config,
    cast: Cast,
    open_engine: Callable[[Config], Engine],
    observe_prompt: PromptObserver | None = None,
    open_api: OpenApi | None = None,
) -> None:
    """Host the personas until a signal asks for the end; the process ends in time and loses no message.

    `open_api` opens the API beside the platforms.
    """
    handle_signals()
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(open_memory(settings))
        await host_chat(stack, memory, settings, cast, open_engine, observe_prompt, open_api)


async def host_chat(
    stack: AsyncExitStack,
    memory: Memory,
    settings: Config,
    cast: Cast,
    open_engine: Callable[[Config], Engine],
    observe_prompt: PromptObserver | None = None,
    open_api: OpenApi | None = None,
) -> None:
    """Host the personas with an open memory until cancelled; `stack` closes what is opened here."""
    for notice in await startup_notices(memory, cast, settings):
        log.warning("startup_notice", extra={"notice": notice})
    engine = await stack.enter_async_context(open_engine(settings))
    chat = Chat(memory, engine, cast, settings.chat, settings.model, observe_prompt=observe_prompt)
    platforms = _open_platforms(chat, memory, settings)
    if open_api:
        platforms.append(open_api(engine, lambda: chat.cast, chat.adapters, Hosted(chat, memory)))
    try:
        background = watch_model(engine, chat.choose_adapters), _maintain_memory(memory)
        await run_platforms(platforms, background, stack)
    finally:
        for platform in platforms:
            platform.stop_intake()
        log.info("stopping")
        await chat.close(GRACE)


def handle_signals() -> None:
    """Let the first signal cancel this task; a second one, or the deadline, ends the process."""
    task = asyncio.current_task()
    assert task
    is_ending = False

    def handle() -> None:
        nonlocal is_ending
        if is_ending:
            os._exit(0)
        is_ending = True
        timer = threading.Timer(DEADLINE, os._exit, [0])
        timer.daemon = True
        timer.start()
        task.cancel()

    set_loop_signal_handlers((*end_signals(), signal.SIGINT), handle)


def _open_platforms(chat: Chat, memory: Memory, settings: Config) -> list[Platform]:
    return [_PLATFORMS[name](chat, memory, settings) for name in settings.tokens]


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
    """Return the error to raise for a missing platform library; an import bug of our own stays as it is."""
    if error.name != library:
        return error
    return UserError(f"{library.title()} needs its library: run `pip install 'alterego[{library}]'`.")


_PLATFORMS: dict[str, OpenPlatform] = {"DISCORD_TOKEN": _discord, "TELEGRAM_TOKEN": _telegram}


async def run_platforms(
    platforms: Sequence[Platform], work: Iterable[Coroutine[None, None, None]], stack: AsyncExitStack
) -> None:
    """Run all platforms beside work in the background; leave out a platform that cannot go on."""
    running = {asyncio.create_task(_run_platform(platform, stack)) for platform in platforms}
    background = {*map(asyncio.create_task, work)}
    try:
        while running:
            done, _ = await asyncio.wait(running | background, return_when=asyncio.FIRST_COMPLETED)
            for task in done & background:
                task.result()
            background -= done
            for task in done & running:
                running.discard(task)
                _handle_end(task, last=not running)
    finally:
        for task in running | background:
            task.cancel()
        await asyncio.gather(*running, *background, return_exceptions=True)


async def _run_platform(platform: Platform, stack: AsyncExitStack) -> None:
    """Log in and run, independent of other platforms; the stack logs out."""
    await stack.enter_async_context(platform)
    await platform.run()


def _handle_end(task: asyncio.Task[None], *, last: bool) -> None:
    """Raise the error that ended the last platform; log the error of any other."""
    try:
        task.result()
    except UserError as error:
        if last:
            raise
        log.error("platform_left_out", extra={"reason": str(error)})


async def watch_model(engine: Engine, choose_adapters: Callable[[], Coroutine[None, None, None]]) -> None:
    """Wait until the model is loaded, then for an error that only another process can mend.

    The log names the personas whose adapters wait for another base model.
    """
    while True:
        try:
            async with asyncio.timeout(STAGE_INTERVAL):
                await engine.ready()
            break
        except TimeoutError:
            log.info("model_loading", extra={"stage": engine.status().stage})
    log.info("model_ready")
    await choose_adapters()
    await engine.lost()


async def _maintain_memory(memory: Memory) -> None:
    """Back up once a day, and finish erasures, until cancelled."""
    while True:
        try:
            await memory.settle()
            if await memory.wants_backup():
                await memory.backup()
        except UserError as error:
            log.error("maintenance_failed", extra={"reason": str(error)})
        await asyncio.sleep(MAINTENANCE_INTERVAL)
