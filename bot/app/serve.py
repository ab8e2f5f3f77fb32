"""The API and the page beside the platforms, or without them; the API alone opens no memory."""

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

from bot.addresses import is_loopback
from bot.app.admin import cast_notices, open_memory
from bot.app.host import (
    Hosted,
    OpenApi,
    Platform,
    handle_signals,
    host_chat,
    run_platforms,
    watch_model,
)
from bot.app.prompt_files import erase_prompts
from bot.chat.adapter_loader import AdapterLoader, choose_all
from bot.chat.prompt_pool import PromptPool
from bot.config import Config
from bot.engine.interface import Engine
from bot.errors import UserError
from bot.memory.store import Memory
from bot.persona.persona import Cast

log = logging.getLogger(__name__)


def prepare_api(settings: Config) -> OpenApi:
    """Bind the API's socket, and return a function that opens the API on it with an engine.

    Raises `UserError` where the socket cannot be bound, others could call without a key, or a library is
    missing.
    """
    try:
        from bot.api.backend import Backend
        from bot.api.listening import listen
        from bot.api.security import check_exposure
        from bot.api.server import ApiServer
        from bot.platforms.web.opening import open_site
    except ModuleNotFoundError as error:
        if error.name not in ("aiohttp", "prometheus_client"):
            raise
        raise UserError("The API needs its libraries: run `pip install 'alterego[serve]'`.") from None
    check_exposure(settings.serve, settings.api_key)
    if not is_loopback(settings.serve.host):
        log.warning("api_beyond_loopback", extra={"host": settings.serve.host})
    listener = listen(settings.serve)

    def open_api(
        engine: Engine, cast: Callable[[], Cast], adapters: AdapterLoader, hosted: Hosted | None
    ) -> Platform:
        count_waiting = hosted.memory.waiting if hosted else None
        backend = Backend(engine, cast, settings, adapters, PromptPool(), count_waiting=count_waiting)
        has_page = hosted and settings.serve.page
        erase = partial(erase_prompts, settings.data)
        site = open_site(hosted.chat, hosted.memory, settings, erase) if hosted and has_page else None
        return ApiServer(backend, listener, site=site)

    return open_api


async def serve_without_platforms(
    settings: Config, cast: Cast, open_engine: Callable[[Config], Engine], open_api: OpenApi
) -> None:
    """Serve the page and the API until a signal asks for the end; without a memory, the API alone."""
    handle_signals()
    async with AsyncExitStack() as stack:
        memory = await _memory_for_page(stack, settings) if settings.serve.page else None
        if memory:
            await host_chat(stack, memory, settings, cast, open_engine, open_api=open_api)
        else:
            await _serve_alone(stack, settings, cast, open_engine, open_api)


async def _memory_for_page(stack: AsyncExitStack, settings: Config) -> Memory | None:
    """Return the open memory; None where it cannot be opened, as while another process holds it."""
    try:
        return await stack.enter_async_context(open_memory(settings))
    except UserError as error:
        log.warning("page_left_out", extra={"reason": str(error)})
        return None


async def _serve_alone(
    stack: AsyncExitStack,
    settings: Config,
    cast: Cast,
    open_engine: Callable[[Config], Engine],
    open_api: OpenApi,
) -> None:
    for notice in await cast_notices(cast, settings):
        log.warning("startup_notice", extra={"notice": notice})
    engine = await stack.enter_async_context(open_engine(settings))
    prompts = PromptPool()
    stack.callback(prompts.close)
    adapters = AdapterLoader(engine, settings.chat, settings.model, prompts)
    api = open_api(engine, lambda: cast, adapters, None)
    work = watch_model(engine, lambda: choose_all(adapters, cast))
    try:
        await run_platforms([api], [work], stack)
    finally:
        api.stop_intake()
        log.info("stopping")
