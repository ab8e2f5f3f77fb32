"""Every family of models answers as in transformers: alone, in mixed batches, turn after turn."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import torch
from transformers import AutoModelForCausalLM

from bot.config import ModelSettings
from bot.engine.core.detokenizer import Detokenizer
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from bot.message import Place
from bot.persona.persona import Sampling
from tests.bot.engine.model_executor.reference import Ids, ask, greedy, prompt, reference
from tests.fakes.families import FAMILIES, LONG, REFUSED, WINDOW, save, save_adapter

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]


LENGTHS = (1, 300, 3, WINDOW + 1, 45, 9, 130, WINDOW, 311)  # of prompts, in tokens
TOKENS = (10, 4, 16, 1, 8, 6, 5, 12, 8)  # of their answers
PENALTY = 1.1


@dataclass(frozen=True)
class Served:
    """A family's model in the engine, with two adapters, and in transformers."""

    name: str
    folder: Path
    engine: LocalEngine
    adapters: dict[str | None, Path | None] = field(default_factory=lambda: {None: None})

    async def add(self, adapter: str, folder: Path) -> None:
        await self.engine.add_adapter(adapter, folder)
        self.adapters[adapter] = folder

    async def answer(self, request: Request) -> tuple[str, int]:
        """Return the engine's text and its number of tokens."""
        generation = self.engine.generate(request)
        text = "".join([piece.text async for piece in generation])
        return text, generation.answers[0].tokens

    async def together(self, requests: list[Request]) -> list[tuple[str, int]]:
        return await asyncio.gather(*map(self.answer, requests))

    async def one_by_one(self, requests: list[Request]) -> list[tuple[str, int]]:
        return [await self.answer(request) for request in requests]

    def ids(self, request: Request) -> Ids:
        """The ids that transformers answers."""
        sampling = request.sampling
        adapter = self.adapters[request.adapter]
        return reference(self.folder, request.ids, sampling.max_tokens, adapter, sampling.repetition_penalty)

    def theirs(self, requests: list[Request]) -> list[tuple[str, int]]:
        """Return the answers of transformers as `together`, each request alone."""
        assert self.engine.loaded is not None
        decode_bytes, answers = self.engine.loaded.tokenizer.decode_bytes, []
        for request in requests:
            text = Detokenizer(decode_bytes)
            shown = [text.push(token) for token in self.ids(request)]
            answers.append(("".join((*shown, text.flush())), request.sampling.max_tokens))
        return answers


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=FAMILIES)
async def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    name, new = request.param, tmp_path_factory.mktemp
    folder, linear = save(name, new("base")), FAMILIES[request.param].linear
    async with LocalEngine(settings(folder), new("data")) as engine:
        await engine.ready()
        served = Served(name, folder, engine)
        await served.add("wide", save_adapter(name, folder, new("adapter"), 4, linear))
        await served.add("narrow", save_adapter(name, folder, new("adapter"), 7, linear[::2]))
        yield served


def settings(folder: Path, native: bool = True) -> ModelSettings:
    return ModelSettings.model_validate(
        {"name": str(folder), "precision": "fp32", "context": LONG, "threads": 1, "native": native}
    )


def place(chat: str) -> Place:
    return Place("test", "bot", chat)


def ragged(seed: int, **more: Any) -> list[Request]:
    return [ask(prompt(size, seed), tokens, **more) for size, tokens in zip(LENGTHS, TOKENS, strict=True)]


def penalised() -> Request:
    """One whose answer also depends on how large the logits are, which the order of all alone does not."""
    return ask(prompt(300, 1), 24, PENALTY)


async def test_the_fake_shows_what_the_family_is(served: Served) -> None:
    request = penalised()
    real = served.ids(request)
    assert len(set(real)) > 4
    for plain in FAMILIES[served.name].plain:
        other = AutoModelForCausalLM.from_pretrained(served.folder, attn_implementation="eager", **plain)
        assert greedy(other, request.ids, 24, PENALTY)[0] != real, plain


async def test_an_answer_alone_is_that_of_transformers(served: Served) -> None:
    requests = [ask(prompt(length, 2)) for length in (1, 5, WINDOW - 1, WINDOW, WINDOW + 1, 60, 310)]
    assert await served.one_by_one(requests) == served.theirs(requests)


async def test_a_penalised_answer_is_that_of_transformers(served: Served) -> None:
    assert await served.answer(penalised()) == served.theirs([penalised()])[0]


async def test_answers_of_a_ragged_batch_are_those_of_transformers(served: Served) -> None:
    requests = ragged(3)
    assert await served.together(requests) == served.theirs(requests)


async def test_operators_of_torch_answer_the_same(served: Served, tmp_path: Path) -> None:
    """Without native.c, as where there is no compiler."""
    requests = ragged(3)
    async with LocalEngine(settings(served.folder, native=False), tmp_path) as engine:
        await engine.ready()
        assert await replace(served, engine=engine).together(requests) == served.theirs(requests)


async def test_answers_that_join_a_running_batch_are_those_of_transformers(served: Served) -> None:
    first, *others = requests = [ask(prompt(33, 3), 24), *ragged(3)]
    generation = served.engine.generate(first)
    text = (await anext(generation)).text
    answers = await served.together(others)
    text += "".join([piece.text async for piece in generation])
    assert [(text, generation.answers[0].tokens), *answers] == served.theirs(requests)


async def test_adapters_mixed_in_a_batch_answer_as_those_of_peft(served: Served) -> None:
    names = (None, "wide", "narrow", "wide", None, "narrow", "wide", "narrow", None)
    mixed = [replace(one, adapter=name) for one, name in zip(ragged(5), names, strict=True)]
    requests = mixed + [ask(prompt(20, 5), adapter=name) for name in served.adapters]
    assert len(set(served.theirs(requests)[-3:])) == 3
    assert await served.together(requests) == served.theirs(requests)


async def test_turns_that_extend_a_prompt_are_answered_as_without_the_prefix_cache(served: Served) -> None:
    for length in (5, 260):
        here = place(f"extended {length}")
        first = ask(prompt(length, 6), place=here)
        second = ask(first.ids + served.ids(first) + prompt(12, 6), place=here)
        third = ask(second.ids + served.ids(second), place=here)
        requests = [first, second, second, third]
        assert await served.one_by_one(requests) == served.theirs(requests)


async def test_turns_that_share_a_prefix_are_answered_as_without_the_prefix_cache(served: Served) -> None:
    ids = prompt(300, 7)
    for shared in (10, 290):
        here = place(f"shared {shared}")
        requests = [ask(one, place=here) for one in (ids, ids[:shared] + prompt(20, 7), ids[:shared])]
        assert await served.one_by_one(requests) == served.theirs(requests)


async def test_adapters_of_one_place_share_no_prefix(served: Served) -> None:
    ids, here = prompt(50, 8), place("adapters")
    requests = [
        ask(ids[: 30 + 5 * turn], adapter=name, place=here)
        for turn, name in enumerate(("wide", None, "narrow", "wide"))
    ]
    assert await served.one_by_one(requests) == served.theirs(requests)


async def test_one_place_asked_twice_at_once_is_answered_twice(served: Served) -> None:
    here, ids = place("at once"), prompt(45, 9)
    first = ask(ids, place=here)
    others = [ask(ids[:30] + prompt(size, 9), place=here) for size in (4, 25)]
    requests = [first, *others, replace(first, adapter="wide")]
    got = [await served.answer(first), *await served.together(requests[1:])]
    assert got == served.theirs(requests)


@pytest.mark.parametrize("served", ["granite"], indirect=True)
async def test_logits_are_scaled_before_sampling(served: Served) -> None:
    cold = Sampling(temperature=0.001, top_p=1.0, min_p=0.0, repetition_penalty=1.0, max_tokens=24)
    requests = [replace(ask(prompt(5, 2)), sampling=cold, seed=seed) for seed in range(6)]
    assert len(set(await served.one_by_one(requests))) == 6


@pytest.mark.parametrize("name", REFUSED)
async def test_a_family_that_cannot_be_batched_is_refused_with_the_reason(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = save(name, tmp_path_factory.mktemp("base"))  # a path that names no family
    kind = json.loads((folder / "config.json").read_text())["model_type"]
    async with LocalEngine(settings(folder), tmp_path_factory.mktemp("data")) as engine:
        with pytest.raises(UserError, match=rf"{kind}|cannot be batched"):
            await engine.ready()
