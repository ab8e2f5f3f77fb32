"""The default model: converted once, answering in every precision, converted again when damaged."""

import asyncio
from pathlib import Path

import pytest

from bot.engine.checkpoint.source import DEFAULT_MODEL
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.persona.persona import Sampling
from tests.bot.engine.model_loader.driver import settings

GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=24)


CONVERTING = "converting the base model (once)"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the default model's converted copies, for this module."""
    return tmp_path_factory.mktemp("data")


async def smollm2(data: Path, precision: str) -> tuple[str, list[str]]:
    """Return a greedy answer of the default model, and the stages of its loading."""
    stages: list[str] = []

    async def watch(engine: LocalEngine) -> None:
        while True:
            stages.append(engine.status().stage)
            await asyncio.sleep(0.01)

    async with LocalEngine(settings(DEFAULT_MODEL, precision=precision), data) as engine:
        watching = asyncio.create_task(watch(engine))
        tokenizer = await engine.tokenizer()
        ids = tokenizer.encode_template(
            "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
        )
        generation = engine.generate(Request(tuple(ids), GREEDY))
        answer = "".join([piece.text async for piece in generation])
        watching.cancel()
    return answer, stages


@pytest.mark.model
@pytest.mark.parametrize("precision", ["bf16", "nf4"])
async def test_the_default_model_is_converted_once_and_answers(hub: Path, data: Path, precision: str) -> None:
    first, stages = await smollm2(data, precision)
    assert any(stage.startswith(CONVERTING) for stage in stages)
    second, stages = await smollm2(data, precision)
    assert not any(stage.startswith(CONVERTING) for stage in stages)
    # which kernel is the faster one is tried at every start, so later words may be others
    assert [text.startswith("The capital of France is Paris") for text in (first, second)] == [True, True]


@pytest.mark.model
@pytest.mark.parametrize("precision", ["bf16", "nf4", pytest.param("int8", marks=pytest.mark.slow)])
async def test_a_processor_that_computes_in_16_bits_itself_serves_the_default_model(
    hub: Path, data: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.kernels.matmul.has_fbgemm", lambda device: False)
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": True})
    answer, _ = await smollm2(data, precision)
    assert "Paris" in answer


@pytest.mark.model
async def test_a_damaged_copy_of_the_default_model_is_made_again(hub: Path, data: Path) -> None:
    await smollm2(data, "bf16")
    weights = next((data / "models").glob("*-bf16-*/*.safetensors"))
    with weights.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    answer, stages = await smollm2(data, "bf16")
    assert any(stage.startswith(CONVERTING) for stage in stages)
    assert "Paris" in answer
