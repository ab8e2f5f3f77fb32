"""Beam search of the default model in float32: the answers of transformers' `generate`."""

from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import RepetitionPenaltyLogitsProcessor

from bot.engine.checkpoint.source import DEFAULT_MODEL
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.persona.persona import Sampling
from tests.bot.engine.local.driver import settings, text
from tests.bot.engine.model_loader.driver import weights

QUESTIONS = (
    "What is the capital of France?",
    "Name three colours.",
    "Why is the sky blue?",
    "Write a line about a lighthouse.",
    "How many legs has a spider?",
    "Say hello in Spanish.",
    "Who wrote Hamlet?",
    "What do bees make?",
    "Give me a word that rhymes with moon.",
    "Is water wet?",
    "What comes after Tuesday?",
    "Tell me a secret.",
)


class SparingPenalty(RepetitionPenaltyLogitsProcessor):
    """The repetition penalty without that on ids that end an answer, which an engine's prompt may hold."""

    def __init__(self, penalty: float, end: Collection[int]) -> None:
        super().__init__(penalty)
        self._end = sorted(end)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        penalised = super().__call__(input_ids, scores.clone())
        penalised[:, self._end] = scores[:, self._end]
        return penalised


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the default model's converted copies, for this module."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def reference(data: Path) -> Any:
    return weights(DEFAULT_MODEL, data, precision="fp32")


@pytest.fixture
async def smollm2(data: Path) -> AsyncIterator[LocalEngine]:
    async with LocalEngine(settings(Path(DEFAULT_MODEL), cache=256), data) as engine:
        await engine.ready()
        yield engine


@pytest.mark.model
@pytest.mark.parametrize(
    ("beams", "penalty", "repetition"),
    [(2, 1.0, 1.0), (4, 0.5, 1.1), pytest.param(8, 2.0, 1.3, marks=pytest.mark.slow)],
)
async def test_an_answer_of_beams_is_that_of_transformers(
    smollm2: LocalEngine, reference: Any, beams: int, penalty: float, repetition: float
) -> None:
    tokenizer = await smollm2.tokenizer()
    sampling = Sampling(temperature=0, repetition_penalty=repetition, max_tokens=10)
    found, wanted = [], []
    for question in QUESTIONS:
        ids = tokenizer.encode_template(f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n")
        found.append(await text(smollm2, Request(tuple(ids), sampling, beams=beams, length_penalty=penalty)))
        output = reference.generate(
            input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=10,
            num_beams=beams, length_penalty=penalty, do_sample=False,
            logits_processor=[SparingPenalty(repetition, tokenizer.end)],
            early_stopping=False, eos_token_id=sorted(tokenizer.end), pad_token_id=0,
        )  # fmt: skip
        wanted.append(tokenizer.decode([i for i in output[0, len(ids) :].tolist() if i not in tokenizer.end]))
    assert found == wanted
