"""A compiled model answers as a plain one: it pays on a GPU, and must not change a word anywhere."""

from pathlib import Path

import pytest
import torch

from bot.config import ModelSettings
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.persona.persona import Sampling
from tests.fakes import tiny
from tests.fakes.families import save

GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=12)
NO_STOP = frozenset({100_000})


async def answers(folder: Path, data: Path, **more: object) -> list[str]:
    settings = {"name": str(folder), "precision": "fp32", "context": 512} | more
    async with LocalEngine(ModelSettings.model_validate(settings), data) as engine:
        found = []
        for length in (1, 7):
            generation = engine.generate(
                Request(tuple(range(300, 300 + length)), GREEDY, stop_ids=NO_STOP, first_deadline=300)
            )
            found.append("".join([piece.text async for piece in generation]))
        return found


@pytest.mark.filterwarnings("ignore")  # torch's compiler warns of its own deprecations
async def test_a_compiled_model_answers_as_a_plain_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the backend that captures and rewrites the layers but leaves out minutes of a C++ compiler.

    More layers than torch compiles anew of one kind (8): it must be once for all of them.
    """
    monkeypatch.setattr("bot.engine.model_executor.model_runner.COMPILE_BACKEND", "aot_eager")
    folder = tiny.save_model(tmp_path / "tiny", num_hidden_layers=10)
    plain = await answers(folder, tmp_path)
    assert await answers(folder, tmp_path, compile=True) == plain
    assert "recompile_limit" not in caplog.text  # of which torch warns, and then goes on without compiling


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "nf4", "int8"])
async def test_a_gpu_answers_as_a_cpu(tmp_path: Path, precision: str) -> None:
    folder = save("gemma3", tmp_path / "gemma3")
    first = await answers(folder, tmp_path, precision=precision, device="cuda")
    assert all(first)
    if precision == "fp32":
        assert first == await answers(folder, tmp_path, device="cpu")
