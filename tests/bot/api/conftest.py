"""The API on a real socket of loopback, over a scripted engine."""

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
from bot.api.connections import Connections
from bot.api.event_stream import StreamTimes
from bot.api.listening import listen
from bot.api.server import ApiServer
from bot.chat.adapter_loader import AdapterLoader
from bot.chat.prompt_pool import PromptPool
from bot.config import Config, ServeSettings
from bot.persona.persona import Cast
from tests.bot.api.engine import PieceEngine
from tests.bot.config_file import settings
from tests.conftest import MARA, OZZO

NOW = 1_800_000_000.0


@dataclass
class Api:
    """A server with its engine, and a client without any headers of its own."""

    server: ApiServer
    engine: PieceEngine
    client: ClientSession
    backend: Backend
    root: str = field(init=False)

    def __post_init__(self) -> None:
        self.root = self.server.url.removesuffix("/v1")

    async def post(self, path: str, body: object = None, **options: Any) -> tuple[int, Any]:
        """Return the status and the JSON of a response."""
        data = BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        async with self.client.post(self.root + path, data=data, **options) as response:
            return response.status, await response.json()

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        async with self.client.get(self.root + path, **options) as response:
            return response.status, await response.json()

    async def chat(self, *texts: str, **fields: object) -> Any:
        """Return the answer to messages of a user and of mara in turn."""
        status, body = await self.post("/v1/chat/completions", asked(*texts, **fields))
        assert status == 200, body
        return body

    async def stream(self, body: object, path: str = "/v1/chat/completions") -> list[str]:
        """Return the events of a stream, as their lines stand in it."""
        async with self.client.post(self.root + path, json=body) as response:
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            return (await response.text()).split("\n\n")[:-1]

    async def chunks(self, body: object, path: str = "/v1/chat/completions") -> list[Any]:
        """Return the objects of a stream before its end."""
        *lines, last = await self.stream(body, path)
        assert last == "data: [DONE]"
        return [json.loads(line.removeprefix("data: ")) for line in lines if not line.startswith(":")]

    @property
    def prompt(self) -> str:
        """The newest prompt, as text."""
        return self.engine.prompts()[-1]


def asked(*texts: str, **fields: object) -> dict[str, object]:
    roles = ("user", "assistant")
    messages = [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts or ("Hello",))]
    return {"model": "mara", "messages": messages, **fields}


OpenApi = Callable[..., Awaitable[Api]]


@pytest.fixture
async def open_api(tmp_path: Path) -> AsyncIterator[OpenApi]:
    """Open APIs with other settings of [serve]."""
    async with AsyncExitStack() as stack:

        async def opened(
            *,
            key: str = "",
            times: StreamTimes | None = None,
            connections: Connections | None = None,
            config: Config | None = None,
            **serve: Any,
        ) -> Api:
            chosen = config or settings(tmp_path)
            serve_settings = ServeSettings.model_validate({"port": 0, **serve})
            chosen = replace(chosen, serve=serve_settings, api_key=key)
            engine, prompts = PieceEngine(), PromptPool()
            cast = Cast({"mara": MARA, "ozzo": OZZO}, {})
            adapters = AdapterLoader(engine, chosen.chat, chosen.model, prompts)
            backend = Backend(engine, lambda: cast, chosen, adapters, prompts, lambda: NOW)
            listener = listen(chosen.serve)
            server = await stack.enter_async_context(ApiServer(backend, listener, times, connections))
            client = await stack.enter_async_context(ClientSession())
            return Api(server, engine, client, backend)

        yield opened


@pytest.fixture
async def api(open_api: OpenApi) -> Api:
    return await open_api()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def exchange(api: Api, sent: str) -> str:
    """Return all that comes back on a connection until its end."""
    reader, writer = await asyncio.open_connection(*api.server._listener.getsockname()[:2])
    writer.write(sent.encode("latin-1"))
    received = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await writer.wait_closed()
    return received.decode()
