"""The page in a real Chromium, on a real server over a scripted engine."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.api.listening import listen
from bot.api.server import ApiServer
from bot.chat.chat import Chat
from bot.chat.prompt_pool import PromptPool
from bot.config import ChatSettings, ServeSettings
from bot.memory.store import Memory
from bot.persona.persona import Cast, Persona
from tests.bot.api.engine import PieceEngine
from tests.bot.config_file import settings
from tests.bot.platforms.web.browser.talk import Talk
from tests.conftest import MARA, OZZO

playwright_api = pytest.importorskip(
    "playwright.async_api", reason="needs playwright: pip install playwright"
)
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or ""
WATCH = """
window.faults = [];
window.layoutShift = 0;
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  faults.push(`policy: ${violatedDirective} ${blockedURI}`));
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.layoutShift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""

OpenTalk = Callable[..., Awaitable[Talk]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests of this folder where there is no browser, or nothing to drive it with."""
    here, reason = Path(__file__).parent, ""
    if not CHROMIUM:
        reason = "needs Chromium: install it, or set CHROMIUM to its path"
    elif find_spec("playwright") is None:
        reason = "needs playwright: pip install -e '.[test]'"
    for item in items:
        if reason and here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Any]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        await opened.close()


@asynccontextmanager
async def opened_talks(folder: Path, browser: Any) -> AsyncIterator[OpenTalk]:
    """Open pages, each on a server of its own. At the end nothing may have gone wrong in the browser."""
    async with AsyncExitStack() as stack:
        opened: list[Talk] = []

        async def open_one(
            *cast: Persona, key: str = "", chat: ChatSettings | None = None, **context: Any
        ) -> Talk:
            personas = {each.key: each for each in cast or (MARA, OZZO)}
            home = folder / str(len(opened))
            home.mkdir()
            server, engine = await _serve(stack, home, Cast(personas, {}), key, chat)
            options = {"viewport": {"width": 1100, "height": 700}, "locale": "en-GB", **context}
            shown = await stack.enter_async_context(await browser.new_context(**options))
            await shown.grant_permissions(["clipboard-read", "clipboard-write"])
            await shown.add_init_script(WATCH)
            opened.append(Talk(await shown.new_page(), server.url.removesuffix("/v1"), engine))
            return opened[-1]

        yield open_one
        for talk in opened:
            await talk.check()


@pytest_asyncio.fixture(loop_scope="session")
async def open_talk(tmp_path: Path, browser: Any) -> AsyncIterator[OpenTalk]:
    async with opened_talks(tmp_path, browser) as open_one:
        yield open_one


@pytest_asyncio.fixture(loop_scope="session")
async def talk(open_talk: OpenTalk) -> Talk:
    opened = await open_talk()
    await opened.open()
    return opened


async def _serve(
    stack: AsyncExitStack, folder: Path, cast: Cast, key: str, chat_settings: ChatSettings | None
) -> tuple[ApiServer, PieceEngine]:
    from bot.api.backend import Backend
    from bot.platforms.web.opening import open_site

    config = replace(settings(folder), serve=ServeSettings(port=0), api_key=key)
    memory = await stack.enter_async_context(Memory(folder / "memory.db"))
    engine, prompts = PieceEngine(), PromptPool()
    stack.callback(prompts.close)
    talk_settings = chat_settings or ChatSettings(debounce=0, bot_debounce=0)
    chat = await stack.enter_async_context(Chat(memory, engine, cast, talk_settings, config.model))
    backend = Backend(engine, lambda: chat.cast, config, chat.adapters, prompts)
    site = open_site(chat, memory, replace(config, chat=talk_settings))
    server = ApiServer(backend, listen(config.serve), site=site)
    return await stack.enter_async_context(server), engine
