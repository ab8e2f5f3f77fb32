"""The page on a real socket of loopback: real memory, a chat over a scripted engine, and a client."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.api.backend import Backend
from bot.api.event_stream import StreamTimes
from bot.api.listening import listen
from bot.api.server import ApiServer
from bot.chat.chat import Chat
from bot.chat.prompt_pool import PromptPool
from bot.config import Config, ServeSettings
from bot.engine.interface import Engine
from bot.memory.store import Memory
from bot.persona.persona import Cast
from bot.platforms.web.opening import open_site
from tests.bot.api.engine import PieceEngine
from tests.bot.config_file import settings
from tests.conftest import MARA, OZZO


@dataclass
class Page:
    """A server with its page, and a client that says that it is the page itself."""

    server: ApiServer
    engine: Any
    chat: Chat
    memory: Memory
    client: ClientSession
    root: str = field(init=False)

    def __post_init__(self) -> None:
        self.root = self.server.url.removesuffix("/v1")

    async def ask(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, Any]:
        """Return the status and the JSON of a response, as the page asks."""
        headers = {"Origin": self.root, "Content-Type": "application/json"} if method != "GET" else {}
        headers = {**headers, **options.pop("headers", {})}
        data = BytesIO(body if isinstance(body, bytes) else json.dumps(body or {}).encode())
        told = {} if method == "GET" else {"data": data}
        async with self.client.request(
            method, self.root + path, headers=headers, **told, **options
        ) as response:
            return response.status, await response.json()

    async def begin(self, persona: str = "mara") -> str:
        """Begin a conversation, and return its id."""
        status, body = await self.ask("POST", "/page/conversations", {"persona": persona})
        assert status == 201, body
        return str(body["id"])

    async def read(self, id: str) -> Any:
        status, body = await self.ask("GET", f"/page/conversations/{id}")
        assert status == 200, body
        return body

    async def do(self, id: str, what: str, body: object = None, method: str = "POST") -> Any:
        """Ask something of a conversation, and return the answer once nothing is being made."""
        status, answer = await self.ask(method, f"/page/conversations/{id}/{what}", body)
        assert status in (200, 202), answer
        await self.quiet()
        return answer

    async def say(self, id: str, text: str) -> str:
        """Send a message, wait for its answer, and return the message's id."""
        return str((await self.do(id, "messages", {"text": text}))["id"])

    async def quiet(self) -> None:
        for worker in self.chat.workers():
            await worker.idle()

    async def texts(self, id: str) -> list[str]:
        return [message["text"] for message in (await self.read(id))["messages"]]

    async def code(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, str]:
        """Return the status and the code of an error."""
        status, answer = await self.ask(method, path, body, **options)
        return status, answer["error"]["code"]


class Events:
    """The events of a conversation, as a browser reads them."""

    def __init__(self, page: Page, id: str) -> None:
        self.heard: list[tuple[str, Any]] = []
        self._page, self._id = page, id
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        address = f"{self._page.root}/page/conversations/{self._id}/events"
        async with self._page.client.get(address) as response:
            assert response.content_type == "text/event-stream"
            name = ""
            async for line in response.content:
                kind, _, value = line.decode().rstrip("\n").partition(": ")
                if kind == "event":
                    name = value
                elif kind == "data":
                    self.heard.append((name, json.loads(value)))

    def of(self, name: str) -> list[Any]:
        return [body for kind, body in self.heard if kind == name]

    async def has(self, name: str, count: int = 1) -> Any:
        """Wait for so many events of a kind, and return the newest."""
        await until(lambda: len(self.of(name)) >= count)
        return self.of(name)[-1]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def open_page(tmp_path: Path) -> AsyncIterator[OpenPage]:
    """Open pages with other settings, engines and casts, each on the memory of this test."""
    async with AsyncExitStack() as stack:

        async def opened(
            *,
            key: str = "",
            engine: Engine | None = None,
            cast: Cast | None = None,
            config: Config | None = None,
            times: StreamTimes | None = None,
            inside: AsyncExitStack | None = None,
            **serve: Any,
        ) -> Page:
            inside = inside or stack
            chosen = config or settings(tmp_path)
            serve_settings = ServeSettings.model_validate({"port": 0, **serve})
            chosen = replace(chosen, serve=serve_settings, api_key=key)
            engine = engine or PieceEngine()
            memory = await inside.enter_async_context(Memory(tmp_path / "data" / "memory.db"))
            cast = cast or Cast({"mara": MARA, "ozzo": OZZO}, {})
            chat = Chat(memory, engine, cast, chosen.chat, chosen.model)
            await inside.enter_async_context(chat)
            backend = Backend(engine, lambda: chat.cast, chosen, chat.adapters, PromptPool())
            site = open_site(chat, memory, chosen, times=times)
            server = ApiServer(backend, listen(chosen.serve), site=site)
            await inside.enter_async_context(server)
            client = await inside.enter_async_context(ClientSession())
            return Page(server, engine, chat, memory, client)

        yield opened


@pytest.fixture
async def page(open_page: OpenPage) -> Page:
    return await open_page()
