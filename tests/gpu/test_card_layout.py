"""Batches as they are laid out for cards, with real numbers on the CPU: the same answers for every family."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bot.config import ModelSettings
from bot.engine.attention.card_batch import CardBatch
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.engine.model_executor import model_runner
from bot.engine.model_executor.fused_layers import CardNorm, FusedNorm
from tests.bot.engine.model_executor.reference import ask, prompt
from tests.fakes.families import FAMILIES, LONG, WINDOW, save, save_adapter

LENGTHS = (1, 300, 3, WINDOW + 1, 45, 9, 130, WINDOW, 311)  # of prompts, in tokens
ADAPTERS = ("wide", "narrow", None)


pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small are slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def requests() -> list[Request]:
    """Return prompts of all lengths, under two adapters of two strengths or none, and two candidates of two."""
    mixed = [
        replace(
            ask(prompt(length, seed), 4 + seed), adapter=ADAPTERS[seed % 3], strength=(1.0, 0.8)[seed % 2]
        )
        for seed, length in enumerate(LENGTHS)
    ]
    return [*mixed, replace(mixed[4], n=2), replace(mixed[1], n=2)]


async def answers(name: str, folder: Path, adapters: dict[str, Path], data: Path) -> list[list[str]]:
    """Answer all requests together."""
    settings = ModelSettings.model_validate(
        {"name": str(folder), "precision": "fp32", "context": LONG, "threads": 1, "native": False}
    )

    async def answer(request: Request) -> list[str]:
        texts = [""] * request.n
        async for piece in engine.generate(request):
            texts[piece.candidate] += piece.text
        return texts

    async with LocalEngine(settings, data) as engine:
        await engine.ready()
        for adapter, path in adapters.items():
            await engine.add_adapter(adapter, path)
        return await asyncio.gather(*map(answer, requests()))


@pytest.mark.parametrize("name", FAMILIES)
async def test_the_layout_for_cards_gives_the_same_answers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, linear = save(name, tmp_path / "base"), FAMILIES[name].linear
    adapters = {
        "wide": save_adapter(name, folder, tmp_path / "wide", 4, linear),
        "narrow": save_adapter(name, folder, tmp_path / "narrow", 7, linear[::2]),
    }
    expected = await answers(name, folder, adapters, tmp_path)
    laid_out: list[CardBatch] = []

    class Watched(CardBatch):
        def _lay_out(self) -> None:
            super()._lay_out()
            laid_out.append(self)

    monkeypatch.setattr(model_runner, "ForwardBatch", Watched)
    assert await answers(name, folder, adapters, tmp_path) == expected
    assert max(batch.decode_count for batch in laid_out) >= 9
    assert {batch.lora_slots for batch in laid_out} >= {0, 2}


@pytest.mark.parametrize("weight_dtype", [torch.bfloat16, torch.float32])
def test_the_norm_for_cards_is_that_of_the_cpu(weight_dtype: torch.dtype) -> None:
    weight, x = torch.randn(64).to(weight_dtype), torch.randn(2, 3, 64).bfloat16()
    ours, theirs = CardNorm(weight, 1e-5)(x), FusedNorm(weight, 1e-5, None)(x)
    assert torch.allclose(ours.float(), theirs.float(), rtol=2**-7)
