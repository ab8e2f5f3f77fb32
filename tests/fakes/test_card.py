"""The pretended card counts, fails and fills up as a real one would."""

import pytest
import torch

from tests.fakes.card.card import pretended_card
from tests.fakes.card.guard import COMPILER
from tests.fakes.card.models import config_of, empty_model

pytestmark = pytest.mark.skipif(COMPILER is None, reason="a pretended card needs g++ once")


def test_kernels_copies_and_reads_are_counted() -> None:
    with pretended_card() as card:
        x = torch.tensor([1.0, 2.0], device="cuda")
        y = torch.ones(2).pin_memory().to("cuda", non_blocking=True)
        z = (x.view(2, 1) * y).relu_()
        assert z.tolist() == [[0.0, 0.0], [0.0, 0.0]]
        launches = card.launches
        assert (launches.kernels, launches.copies.total(), launches.async_copies.total()) == (3, 1, 1)
        assert launches.reads.total() == 1


def test_memory_is_that_of_live_tensors_and_is_kept_until_it_is_released() -> None:
    with pretended_card(memory=4 << 30, others=1 << 30) as card:
        x = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
        y = x.view(-1)[5:]
        del x
        assert torch.cuda.mem_get_info() == (2 << 30, 4 << 30)
        del y
        assert (card.memory.allocated, torch.cuda.mem_get_info()[0]) == (0, 2 << 30)
        torch.cuda.empty_cache()
        assert torch.cuda.mem_get_info()[0] == 3 << 30


def test_a_full_card_raises_what_torch_raises() -> None:
    with pretended_card(memory=2 << 30, others=1 << 30), pytest.raises(torch.OutOfMemoryError):
        torch.empty((1 << 30) + 1, dtype=torch.uint8, device="cuda")


def test_devices_do_not_mix() -> None:
    with pretended_card(count=2), pytest.raises(RuntimeError, match="same device"):
        torch.ones(2, device="cuda:0") + torch.ones(2, device="cuda:1")


def test_a_capture_refuses_copies_and_reads_of_the_host() -> None:
    with pretended_card():
        x = torch.ones(2, device="cuda")
        for forbidden in (lambda: torch.tensor([1], device="cuda"), lambda: bool(x.sum() > 0)):
            with pytest.raises(RuntimeError, match="capturing"), torch.cuda.graph(torch.cuda.CUDAGraph()):
                forbidden()


def test_a_sticky_error_stays() -> None:
    with pretended_card() as card:
        card.fail(RuntimeError("CUDA error: an illegal memory access was encountered"), sticky=True)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="illegal memory access"):
                torch.ones(2, device="cuda")


@pytest.mark.parametrize(("precision", "mebibytes"), [("bf16", 2944), ("nf4", 1148)])
def test_a_model_has_the_bytes_of_its_precision(precision: str, mebibytes: int) -> None:
    with pretended_card() as card:
        _model = empty_model(config_of("Qwen2.5-1.5B"), precision)
        assert card.memory.allocated >> 20 == mebibytes
