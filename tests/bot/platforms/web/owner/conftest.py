"""The owner's page on a real socket, over real memory and real persona folders; the engine is scripted."""

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
from bot.api.listening import listen
from bot.api.server import ApiServer
from bot.chat.chat import Chat
from bot.chat.prompt_pool import PromptPool
from bot.config import Config, ServeSettings
from bot.engine.interface import Engine
from bot.memory.store import Memory
from bot.message import Author, Message, Place
from bot.persona.new_folder import make_persona, write_card
from bot.persona.persona import load_cast
from bot.platforms.web.opening import open_site
from tests.bot.config_file import settings
from tests.fakes.model import ScriptedEngine
from tests.fakes.outlet import Recorder

ROOM = Place("test", "bot", "room", server="guild")
ENABLED = "[chat]\ndebounce = 0\n"
MARA = {"description": "Keeps a light.", "first_mes": "Sit, {{user}}."}


@dataclass
class Owner:
    """A server with its chat, and a client that sends what a browser at the page sends."""

    server: ApiServer
    chat: Chat
    memory: Memory
    settings: Config
    client: ClientSession
    outlet: Recorder
    root: str = field(init=False)

    def __post_init__(self) -> None:
        self.root = self.server.url.removesuffix("/v1")

    @property
    def mara(self) -> Path:
        return self.settings.personas / "mara"

    async def send(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, Any]:
        """Return status and JSON of a request below /page/owner."""
        headers = {"Origin": self.root, "Content-Type": "application/json", **options.pop("headers", {})}
        data = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
        sent = {} if method == "GET" else {"data": BytesIO(data), "headers": headers}
        url = f"{self.root}/page/owner/{path}"
        async with self.client.request(method, url, **sent, **options) as response:
            return response.status, await response.json()

    async def get(self, path: str, **options: Any) -> Any:
        status, body = await self.send("GET", path, **options)
        assert status == 200, body
        return body

    async def post(self, path: str, **body: object) -> Any:
        status, answer = await self.send("POST", path, body)
        assert status == 200, answer
        return answer

    async def persona(self, key: str = "mara") -> Any:
        return await self.get(f"personas/{key}")

    async def save(self, part: str, values: object, key: str = "mara") -> tuple[int, Any]:
        """Send changed fields of a persona, at the revision of now."""
        revision = (await self.persona(key))["revision"]
        return await self.send("PUT", f"personas/{key}/{part}", {"revision": revision, part: values})

    async def upload(self, path: str, content: bytes, method: str = "PUT") -> tuple[int, Any]:
        headers = {"Content-Type": "application/octet-stream"}
        return await self.send(method, path, content, headers=headers)

    async def say(self, text: str, number: int, name: str = "Ana", place: Place = ROOM) -> None:
        """Let somebody say something, and wait for the answer."""
        author = Author(name.casefold(), name)
        await self.chat.receive(
            Message(place, str(number), author, text, self.chat.clock(), address="direct")
        )
        await self.chat.worker(place).idle()


OpenOwner = Callable[..., Awaitable[Owner]]


def write_folders(folder: Path) -> None:
    """Write a folder of two personas, mara and ozzo."""
    make_persona(folder / "personas", "mara", write_card("Mara", MARA))
    make_persona(folder / "personas", "ozzo", write_card("Ozzo", {"description": "Carries bags."}))


@pytest.fixture
async def open_owner(tmp_path: Path) -> AsyncIterator[OpenOwner]:
    """Open servers on one folder, one after another."""
    async with AsyncExitStack() as stack:
        write_folders(tmp_path)

        async def opened(*, text: str = ENABLED, key: str = "", engine: Engine | None = None) -> Owner:
            config = replace(settings(tmp_path, text), serve=ServeSettings(port=0), api_key=key)
            memory = await stack.enter_async_context(Memory(config.data / "memory.db"))
            running = engine or ScriptedEngine()
            chat = Chat(memory, running, load_cast(config.personas), config.chat, config.model)
            await stack.enter_async_context(chat)
            outlet = Recorder()
            chat.join("test", outlet, lambda: "connected")
            backend = Backend(running, lambda: chat.cast, config, chat.adapters, PromptPool())
            site = open_site(chat, memory, config)
            server = await stack.enter_async_context(ApiServer(backend, listen(config.serve), site=site))
            client = await stack.enter_async_context(ClientSession())
            return Owner(server, chat, memory, config, client, outlet)

        yield opened


@pytest.fixture
async def owner(open_owner: OpenOwner) -> Owner:
    return await open_owner()
