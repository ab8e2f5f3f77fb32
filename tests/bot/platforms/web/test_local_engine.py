"""The page over a real engine with a tiny model: the prompts and the ids of terminal and API."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bot.chat.chat import Chat
from bot.engine.local.local_engine import LocalEngine
from bot.memory.store import Memory
from bot.message import Author, Place
from bot.persona.persona import Cast, Sampling
from bot.platforms.terminal.batch import run_batch
from bot.prompt.builder import Prompt
from tests.bot.api.test_local_engine import MODEL
from tests.bot.config_file import settings
from tests.bot.platforms.web.conftest import OpenPage
from tests.conftest import MARA
from tests.fakes.tiny import save_adapter, save_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
SAMPLING = Sampling(temperature=1, max_tokens=12, min_tokens=4)
TEXTS = ["Hello", "Is the light lit?"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "base")
    save_adapter(folder / "adapter", folder / "base")
    return folder


@pytest.fixture
async def parts(tmp_path: Path, models: Path) -> AsyncIterator[Any]:
    """Settings, a cast whose persona mara has an adapter, and an engine."""
    config = settings(tmp_path, MODEL.format(models / "base"))
    cast = Cast({"mara": replace(MARA, adapter=models / "adapter", sampling=SAMPLING)}, {})
    async with LocalEngine(config.model, tmp_path / "data") as engine:
        yield config, cast, engine


async def test_page_terminal_and_api_have_one_prompt_and_one_seed_gives_one_answer(
    parts: Any, open_page: OpenPage, tmp_path: Path
) -> None:
    config, cast, engine = parts
    prompts: dict[str, list[Prompt]] = {"terminal": [], "web": []}
    out = io.StringIO()
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(Memory(tmp_path / "terminal.db"))
        chat = Chat(
            memory,
            engine,
            cast,
            config.chat,
            config.model,
            random=Random(5),
            observe_prompt=lambda place, prompt, _: prompts["terminal"].append(prompt),
        )
        await stack.enter_async_context(chat)
        mara, author = cast.personas["mara"], Author("local", "User")
        await run_batch(chat, memory, mara, author, TEXTS, out=out, err=io.StringIO(), as_json=True)
        said = [m.text for m in await memory.history(Place("terminal", "local", "mara"))]
    page = await open_page(config=config, cast=cast, engine=engine)
    page.chat._responder._observe_prompt = lambda place, prompt, _: prompts["web"].append(prompt)
    id = await page.begin()
    random = Random(5)
    for text in TEXTS:
        random.getrandbits(64)  # of the greeting, and then of each answer's id
        await page.do(id, "sampling", {"seed": random.getrandbits(31)}, "PUT")
        await page.say(id, text)
    assert await page.texts(id) == said
    assert [prompt.ids for prompt in prompts["web"]] == [prompt.ids for prompt in prompts["terminal"]]
    random = Random(5)
    random.getrandbits(64)
    asked = {"model": "mara", "messages": [{"role": "user", "content": "Hello"}]}
    greeting = {"role": "assistant", "content": said[0]}
    asked["messages"] = [greeting, *asked["messages"]]  # type: ignore[misc]
    body = {**asked, "seed": random.getrandbits(31), "temperature": 1, "max_tokens": 12, "min_tokens": 4}
    async with page.client.post(f"{page.root}/v1/chat/completions", json=body) as response:
        answer = json.loads(await response.text())
    assert answer["choices"][0]["message"]["content"] == said[2].removesuffix("…")  # the mark of a cut text


async def test_beams_of_the_engine_answer_on_the_page(parts: Any, open_page: OpenPage) -> None:
    config, cast, engine = parts
    page = await open_page(config=config, cast=cast, engine=engine)
    id = await page.begin()
    await page.say(id, "Hello")
    for _ in range(2):
        await page.do(id, "beams", {"beams": 3, "length_penalty": 1, "max_tokens": 8})
    *_, last = (await page.read(id))["messages"]
    swipes = [message.text for message in await page.memory.swipes(Place("web", "local", id), last["id"])]
    assert swipes[1] == swipes[2]
    assert len(swipes) == 3
