"""`python -m bot serve` in a process of its own, with a scripted model."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from bot.memory.store import Memory
from tests.faults.command import environment, house
from tests.faults.towns import TelegramTown
from tests.paths import ROOT

KEY = "a-key-of-twenty-letters"
CONFIG = '[paths]\npersonas = "{}"\n[log]\nlevel = "debug"\n[chat]\npersona = "mara"\n[serve]\nport = {}\n{}'
HELLO = {"model": "mara", "messages": [{"role": "user", "content": "Hello"}]}


class Served:
    """A process in a folder, with all that it has written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: asyncio.subprocess.Process

    async def start(self, *arguments: str, serve: str = "", port: int = 0, **told: str) -> "Served":
        config = self.folder / "config.toml"
        config.write_text(CONFIG.format(house() / "personas", port, serve))
        variables = environment(self.folder / "data", **told)
        variables["PYTHONPATH"] = os.pathsep.join((str(ROOT), variables["PYTHONPATH"]))
        with (self.folder / "log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "--config", str(config), *arguments),
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=variables,
            )
        return self

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    async def url(self) -> str:
        await until(lambda: "The API is at " in self.log or self.process.returncode is not None)
        found = re.search(r"The API is at (\S+)", self.log)
        assert found, self.log
        return found[1]

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 15)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    made = Served(tmp_path)
    yield made
    if made.process.returncode is None:
        made.process.kill()
        await made.process.wait()


async def post(url: str, body: object, **headers: str) -> tuple[int, Any]:
    async with ClientSession() as client, client.post(url, json=body, headers=headers) as response:
        return response.status, await response.json()


async def get(url: str) -> Any:
    async with ClientSession() as client, client.get(url) as response:
        return await response.json()


async def metrics(served: Served) -> str:
    async with ClientSession() as client, client.get(f"{await served.url()}/metrics") as response:
        assert response.status == 200
        return await response.text()


async def test_the_api_alone_answers_opens_no_memory_and_ends_at_a_signal(served: Served) -> None:
    await served.start("serve", serve="page = false", SCRIPT="Aye.")
    status, body = await post(f"{await served.url()}/chat/completions", HELLO)
    assert (status, body["choices"][0]["message"]["content"]) == (200, "Aye.")
    assert "alterego_inbox_messages_waiting" not in await metrics(served)
    assert await served.end() == 0
    assert not (served.folder / "data" / "memory.db").exists()
    assert "Traceback" not in served.log


async def test_the_page_talks_beside_the_api_and_remembers_after_a_restart(served: Served) -> None:
    await served.start("serve", SCRIPT="Aye.")
    root = (await served.url()).removesuffix("/v1")
    own = {"Origin": root}
    status, begun = await post(f"{root}/page/conversations", {"persona": "mara"}, **own)
    assert status == 201
    path = f"{root}/page/conversations/{begun['id']}"
    assert (await post(f"{path}/messages", {"text": "Hello"}, **own))[0] == 202
    async with asyncio.timeout(60):
        while len((before := await get(path))["messages"]) < 3 or before["busy"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert before["messages"][-1]["text"] == "Aye."
    assert await served.end() == 0
    await served.start("serve", SCRIPT="Aye.")
    root = (await served.url()).removesuffix("/v1")
    assert await get(f"{root}/page/conversations/{begun['id']}") == before
    assert await served.end() == 0
    assert "Hello" not in served.log


async def test_where_another_alterego_holds_the_memory_the_api_is_served_alone(served: Served) -> None:
    async with Memory(served.folder / "data" / "memory.db"):
        await served.start("serve", SCRIPT="Aye.")
        url = await served.url()
        assert (await post(f"{url}/chat/completions", HELLO))[0] == 200
        async with ClientSession() as client, client.get(url.removesuffix("v1")) as response:
            assert response.status == 404
        assert await served.end() == 0
    (line,) = [line for line in served.log.splitlines() if "page_left_out" in line]
    assert "Another alterego is using" in line


async def test_the_help_names_the_page(served: Served) -> None:
    await served.start("--help")
    assert await asyncio.wait_for(served.process.wait(), 30) == 0
    assert "open a page to talk on and an API as OpenAI's" in " ".join(served.log.split())


async def test_a_signal_ends_the_process_in_time_although_the_model_hangs(served: Served) -> None:
    await served.start("serve", SCRIPT="Aye.", DELAY="3600")
    asking = asyncio.create_task(post(f"{await served.url()}/chat/completions", HELLO))
    await asyncio.sleep(0.5)
    assert await served.end() == 0
    with pytest.raises(ClientError):
        await asking


async def test_a_model_that_cannot_be_loaded_is_one_sentence_and_exit_code_2(served: Served) -> None:
    await served.start("serve", FAILURE="There is no such model.")
    assert await asyncio.wait_for(served.process.wait(), 30) == 2
    assert "alterego: There is no such model." in served.log


async def test_a_taken_port_is_one_sentence_and_exit_code_2(served: Served) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        await served.start("serve", port=other.getsockname()[1])
        assert await asyncio.wait_for(served.process.wait(), 30) == 2
    (line,) = [line for line in served.log.splitlines() if line.startswith("alterego:")]
    assert "is taken by another program" in line
    assert "Traceback" not in served.log


async def test_a_host_that_others_reach_needs_a_key(served: Served) -> None:
    await served.start("serve", serve='host = "0.0.0.0"')
    assert await asyncio.wait_for(served.process.wait(), 30) == 2
    assert "alterego: [serve] host is 0.0.0.0, which others can reach: set ALTEREGO_API_KEY" in served.log


async def test_the_key_and_the_words_of_clients_are_never_logged(served: Served) -> None:
    await served.start("serve", ALTEREGO_API_KEY=KEY)
    url = f"{await served.url()}/chat/completions"
    secret = {"model": "mara", "messages": [{"role": "user", "content": "a word of mine"}]}
    assert (await post(url, secret))[0] == 401
    assert (await post(url, secret, Authorization=f"Bearer {KEY}"))[0] == 200
    assert (await post(url, {**secret, "model": "a word of mine"}, Authorization=f"Bearer {KEY}"))[0] == 404
    assert await served.end() == 0
    assert KEY not in served.log
    assert "a word of mine" not in served.log


async def test_a_key_that_is_too_short_is_refused(served: Served) -> None:
    await served.start("serve", ALTEREGO_API_KEY="short")
    assert await asyncio.wait_for(served.process.wait(), 30) == 2
    assert "alterego: ALTEREGO_API_KEY is too short to be a secret" in served.log


@pytest.mark.parametrize(("command", "serve"), [((), "enabled = true"), (("serve",), "")])
async def test_platforms_and_the_api_are_served_by_one_process(
    served: Served, telegram: TelegramTown, command: tuple[str, ...], serve: str
) -> None:
    await served.start(*command, serve=serve, ECHO="1", **telegram.environment)
    status, body = await post(
        f"{await served.url()}/chat/completions", {**HELLO, "messages": [{"role": "user", "content": "#7"}]}
    )
    assert (status, body["choices"][0]["message"]["content"]) == (200, "I have heard #7 over")
    telegram.say(1, 0)
    await until(lambda: any("#1" in seen.text for seen in telegram.seen(0)))
    assert "#7" not in " ".join(seen.text for seen in telegram.seen(0))
    assert "\nalterego_inbox_messages_waiting 0.0\n" in await metrics(served)
    assert await served.end() == 0
