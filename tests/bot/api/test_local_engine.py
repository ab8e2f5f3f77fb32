"""The API over a real engine with a tiny model."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from bot.api.backend import Backend
from bot.api.listening import listen
from bot.api.server import ApiServer
from bot.chat.adapter_loader import AdapterLoader
from bot.chat.prompt_pool import PromptPool
from bot.config import ServeSettings
from bot.engine.local.local_engine import LocalEngine
from bot.persona.persona import Cast
from tests.bot.api.conftest import until
from tests.bot.config_file import settings
from tests.conftest import MARA
from tests.fakes.tiny import save_adapter, save_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
MODEL = (
    '[model]\nname = "{}"\nprecision = "fp32"\ntemplate = "chatml"\nthreads = 1\nnative = false\ncache = 64\n'
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_model(folder / "base")
    save_adapter(folder / "adapter", folder / "base")
    return folder


@pytest.fixture
async def ask(tmp_path: Path, models: Path) -> AsyncIterator[Any]:
    """Ask a server whose persona mara has an adapter."""
    config = settings(tmp_path, MODEL.format(models / "base"))
    config = replace(config, serve=ServeSettings(port=0))
    cast = Cast({"mara": replace(MARA, adapter=models / "adapter")}, {})
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(LocalEngine(config.model, tmp_path / "data"))
        prompts = PromptPool()
        adapters = AdapterLoader(engine, config.chat, config.model, prompts)
        backend = Backend(engine, lambda: cast, config, adapters, prompts)
        server = await stack.enter_async_context(ApiServer(backend, listen(config.serve)))
        client = await stack.enter_async_context(ClientSession())

        async def asked(path: str, **body: object) -> tuple[int, Any]:
            async with client.post(server.url + path, json=body) as response:
                return response.status, await response.json()

        asked.engine, asked.metrics = engine, backend.metrics  # type: ignore[attr-defined]
        yield asked


async def test_a_seed_gives_the_same_answer_and_the_adapter_another_one(ask: Any) -> None:
    hello = [{"role": "user", "content": "Hello"}]
    fields = {"messages": hello, "seed": 3, "max_tokens": 12, "persona": "adapter", "temperature": 1}
    answers = [await ask("/chat/completions", model=name, **fields) for name in ("mara", "mara", "base")]
    assert [status for status, _ in answers] == [200, 200, 200]
    first, second, base = (body["choices"][0]["message"]["content"] for _, body in answers)
    assert first == second != base


async def test_candidates_differ_and_the_prompt_is_counted_once(ask: Any) -> None:
    status, body = await ask("/completions", model="base", prompt="The light", n=3, max_tokens=8, seed=1)
    assert status == 200
    assert len({choice["text"] for choice in body["choices"]}) > 1
    _, told = await ask("/tokenize", prompt="The light")
    assert body["usage"]["prompt_tokens"] == told["count"]


async def test_a_card_that_was_read_before_changes_no_answer(ask: Any) -> None:
    fields = {"model": "mara", "seed": 3, "max_tokens": 12}
    hello, other = ([{"role": "user", "content": text}] for text in ("Hello", "Is the light lit?"))
    bodies = [(await ask("/chat/completions", messages=said, **fields))[1] for said in (hello, other, hello)]
    first, _, again = (body["choices"] for body in bodies)
    assert first == again


async def test_a_client_that_leaves_frees_its_row(ask: Any) -> None:
    hello = [{"role": "user", "content": "Hello"}]
    fields = {"max_tokens": 30_000, "min_tokens": 4_000, "temperature": 1}
    asking = asyncio.create_task(ask("/chat/completions", model="base", messages=hello, **fields))
    await until(lambda: ask.engine.status().running)
    asking.cancel()
    await until(lambda: not ask.engine.status().running)


async def test_ids_beyond_the_vocabulary_are_refused(ask: Any) -> None:
    status, body = await ask("/completions", model="base", prompt=[1_000_000])
    assert (status, body["error"]["param"]) == (400, "prompt")


async def test_a_stop_string_ends_the_text_before_it(ask: Any) -> None:
    fields = {"model": "base", "prompt": "The light", "max_tokens": 16, "temperature": 0}
    _, whole = await ask("/completions", **fields)
    text = whole["choices"][0]["text"]
    assert len(text) > 4
    status, body = await ask("/completions", **fields, stop=text[3])
    assert (status, body["choices"][0]["text"]) == (200, text[: text.index(text[3])])
    assert body["choices"][0]["finish_reason"] == "stop"


async def test_metrics_tell_the_tokens_that_clients_are_told(ask: Any) -> None:
    fields = {"prompt": "The light", "max_tokens": 8, "min_tokens": 8, "n": 2}
    usages = [(await ask("/completions", model=name, **fields))[1]["usage"] for name in ("mara", "base")]
    text = (await ask.metrics.exposition()).decode()
    told = {name: int(float(value)) for name, value in re.findall(r"^alterego_(\w+) (\S+)$", text, re.M)}
    assert told["engine_prompt_tokens_total"] == sum(usage["prompt_tokens"] for usage in usages)
    assert told["engine_answer_tokens_total"] == sum(usage["completion_tokens"] for usage in usages) == 32
    counts = [told[f"generation_{part}seconds_count"] for part in ("queue_", "first_token_", "")]
    assert (counts, told["engine_requests_answered_total"], told["engine_adapters"]) == ([2, 2, 2], 2, 1)
    assert re.search(r'^alterego_engine_memory_bytes\{part="weights"\} [1-9]', text, re.M)
