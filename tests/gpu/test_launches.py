"""What a decoding step launches on a card at full size: copies that nobody waits for, and few kernels."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from bot.engine.attention.forward_batch import TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.core.async_decode import AsyncDecoder
from bot.engine.interface import Request
from bot.engine.model_executor.decode_graph import CudaCapture
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.runtime.transfer import Download
from bot.engine.sampling.card_sampler import CardSampler, DrawTensors
from bot.persona.persona import Sampling
from tests.fakes.card.card import pretended_card
from tests.fakes.card.launches import Launches
from tests.gpu.models import pretended_runner, whole_adapters

GIB = 1 << 30
PENALISED = Request((1, 2), Sampling(temperature=0.8, top_p=0.9, repetition_penalty=1.1))
ADJUSTED = Request((1, 2), Sampling(presence_penalty=0.5, frequency_penalty=0.5), logit_bias={7: 2.0})


class Rows:
    """Sequences of different lengths under adapters of strength 0.8, on a pretended card."""

    def __init__(self, runner: ModelRunner, rows: int, adapters: int, request: Request = PENALISED) -> None:
        for adapter in whole_adapters(runner, adapters):
            runner.active_adapters.activate(adapter)
        self.sampler = CardSampler(runner.vocabulary, rows, runner.device)
        self.decoder, self.runner = AsyncDecoder(runner, self.sampler), runner
        self.kv_slots = KVCache(GIB, runner.token_bytes).allocate(500, rows) or []
        self.slots = [self.sampler.add_sequence(request, 0, (), 1) for _ in self.kv_slots]
        self.adapters = [number % adapters if adapters else -1 for number in range(rows)]
        for number, slot in enumerate(self.kv_slots):
            slot.length = 300 + number

    def spans(self) -> list[TokenSpan]:
        return [TokenSpan(slot, (5,), *one) for slot, one in zip(self.kv_slots, self._under(), strict=True)]

    def _under(self) -> Iterator[tuple[int, float]]:
        return ((adapter, 0.8) for adapter in self.adapters)

    def launch(self) -> Download:
        """Launch a step as the engine does, one step ahead."""
        tokens = Download(len(self.slots), self.runner.device)
        _, output = self.decoder.run(self.spans(), self.slots)
        tokens.begin(output.tokens)
        return tokens


@contextmanager
def rows_on_card(
    rows: int,
    adapters: int,
    precision: str = "nf4",
    overflows: bool = False,
    request: Request = PENALISED,
) -> Iterator[tuple[Rows, Launches]]:
    with pretended_card(memory=24 * GIB) as card, torch.inference_mode():
        runner = pretended_runner("Qwen2.5-7B", precision, overflows)
        yield Rows(runner, rows, adapters, request), card.launches


@pytest.mark.parametrize(
    ("precision", "overflows", "rows", "adapters", "kernels"),
    [
        ("nf4", False, 1, 0, 550),
        pytest.param("nf4", False, 8, 4, 1030, marks=pytest.mark.slow),
        ("fp16", False, 1, 0, 545),
        pytest.param("fp16", True, 1, 0, 1060, marks=pytest.mark.slow),
        pytest.param("fp16", True, 8, 4, 1530, marks=pytest.mark.slow),
    ],
)
def test_a_step_that_is_launched_kernel_by_kernel_waits_for_nothing(
    precision: str, overflows: bool, rows: int, adapters: int, kernels: int
) -> None:
    with rows_on_card(rows, adapters, precision, overflows) as (sequences, launches):
        sequences.launch()  # what is made once and kept does not count
        launches.reset()
        tokens = sequences.launch()
        assert launches.copies.total() == 0, launches.copies
        assert launches.async_copies.total() <= 3, launches.async_copies
        assert launches.reads.total() == 0, launches.reads
        assert launches.kernels <= kernels
        tokens.read()
        assert launches.reads.total() == 1


@pytest.mark.parametrize("request_", [PENALISED, ADJUSTED], ids=["penalised", "with biases and counts"])
@pytest.mark.parametrize(("rows", "adapters"), [(1, 0), pytest.param(8, 4, marks=pytest.mark.slow)])
def test_a_captured_step_is_one_launch(rows: int, adapters: int, request_: Request) -> None:
    with rows_on_card(rows, adapters, request=request_) as (sequences, launches):
        sequences.decoder.graphs.capture = CudaCapture(torch.device("cuda:0"))
        for _ in range(3):  # once to make keys and values, once one by one, then captured
            sequences.launch()
        for _ in range(3):
            launches.reset()
            tokens = sequences.launch()
            assert launches.graphs == 1
            assert launches.kernels == launches.async_copies.total() == 1  # the copy of its numbers
            assert (launches.copies.total(), launches.reads.total()) == (0, 0)
            tokens.read()
            assert launches.reads.total() == 1


def test_a_step_that_waits_for_the_card_cannot_be_captured_and_is_launched_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As rotary positions that depend on the longest sequence do."""
    with rows_on_card(1, 0) as (sequences, launches):
        draw, graphs = sequences.sampler.draw, sequences.decoder.graphs

        def waiting(
            logits: torch.Tensor, rows: DrawTensors, sorts_all: bool = False, adjusts: bool = False
        ) -> torch.Tensor:
            logits.amax().item()
            return draw(logits, rows, sorts_all, adjusts)

        monkeypatch.setattr(sequences.sampler, "draw", waiting)
        graphs.capture = CudaCapture(torch.device("cuda:0"))
        for _ in range(4):
            sequences.launch().read()
        assert graphs.capture is None
        assert launches.graphs == 0


def test_a_step_with_a_prompt_reads_its_tokens_at_once_and_copies_little() -> None:
    with rows_on_card(4, 2) as (sequences, launches):
        for _ in range(2):
            launches.reset()
            prompt = TokenSpan(sequences.kv_slots[0], (5,) * 64)
            batch = sequences.runner.batch_of([*sequences.spans()[1:], prompt])
            sequences.sampler.sample(sequences.runner.forward(batch), sequences.slots)
        assert launches.copies.total() == 0, launches.copies
        assert launches.async_copies.total() <= 3, launches.async_copies
        assert launches.reads.total() == 1, launches.reads
