"""The API beside the platforms, or alone: then no memory is opened."""

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack

from bot.addresses import is_loopback
from bot.api.metrics.waiting_messages import CountWaiting
from bot.app.admin import cast_notices
from bot.app.host import OpenApi, Platform, handle_signals, run_platforms, watch_model
from bot.chat.adapter_loader import AdapterLoader, choose_all
from bot.chat.prompt_pool import PromptPool
from bot.config import Config
from bot.engine.interface import Engine
from bot.errors import UserError
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
    except ModuleNotFoundError as error:
        if error.name not in ("aiohttp", "prometheus_client"):
            raise
        raise UserError("The API needs its libraries: run `pip install 'alterego[serve]'`.") from None
    check_exposure(settings.serve, settings.api_key)
    if not is_loopback(settings.serve.host):
        log.warning("api_beyond_loopback", extra={"host": settings.serve.host})
    listener = listen(settings.serve)

    def open_api(
        engine: Engine, cast: Callable[[], Cast], adapters: AdapterLoader, count_waiting: CountWaiting | None
    ) -> Platform:
        backend = Backend(engine, cast, settings, adapters, PromptPool(), count_waiting=count_waiting)
        return ApiServer(backend, listener)

    return open_api


async def serve_alone(
    settings: Config, cast: Cast, open_engine: Callable[[Config], Engine], open_api: OpenApi
) -> None:
    """Serve the API until a signal asks for the end."""
    handle_signals()
    async with AsyncExitStack() as stack:
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
