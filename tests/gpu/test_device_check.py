"""A device that cannot serve, or a model that does not fit it, is one sentence before anything is loaded."""

import sys
from pathlib import Path
from unittest import mock

import pytest
import torch
import transformers

from bot.engine.checkpoint.source import ModelSource
from bot.engine.kernels import matmul
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader.device_check import check_device, limit_memory, spill_advice
from bot.engine.model_loader.load_failure import check_room, explain_load_failure
from bot.engine.model_loader.load_plan import LoadPlan
from bot.engine.model_loader.quantization import Precision
from bot.errors import UserError
from tests.fakes.card.card import pretended_card
from tests.fakes.card.models import config_of
from tests.gpu.served import Served, weightless

NEW_TORCH = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120")
PASCAL, TURING, AMPERE, ADA, HOPPER, NEXT = (6, 1), (7, 5), (8, 6), (8, 9), (9, 0), (13, 0)


@pytest.mark.parametrize(
    ("code", "capability"),
    [
        *((NEW_TORCH, card) for card in (TURING, AMPERE, ADA, HOPPER, NEXT)),
        ((), PASCAL),
        (("gfx1100",), PASCAL),
        (("sm_90a", "sm_86"), AMPERE),
    ],
)
def test_a_card_for_which_torch_has_code_is_taken(code: tuple[str, ...], capability: tuple[int, int]) -> None:
    with pretended_card(capability=capability, code=code):
        check_device("cuda")


@pytest.mark.parametrize(
    ("code", "capability"),
    [(NEW_TORCH, PASCAL), (("sm_75", "sm_86"), HOPPER), (("sm_90a",), (9, 1)), (("sm_89",), AMPERE)],
)
def test_a_card_for_which_torch_has_no_code_is_refused(
    code: tuple[str, ...], capability: tuple[int, int]
) -> None:
    told = (
        rf"Card That Is Not There \(compute capability {capability[0]}.{capability[1]}\): .* install a torch"
    )
    with pretended_card(capability=capability, code=code), pytest.raises(UserError, match=told):
        check_device("cuda")


@pytest.mark.parametrize(
    ("device", "count", "told"),
    [
        ("cuda:1", 1, 'is "cuda:1", which is not there: set it to "cuda:0"'),
        ("cuda:2", 2, 'set it to "cuda:0" to "cuda:1"'),
    ],
)
def test_a_device_that_is_not_there_is_refused(device: str, count: int, told: str) -> None:
    with pretended_card(count=count), pytest.raises(UserError, match=told):
        check_device(device)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AssertionError("Torch not compiled with CUDA enabled"), "torch finds no graphics card: install its"),
        (RuntimeError("No CUDA GPUs are available"), "torch finds no graphics card: install its driver"),
        (RuntimeError("The NVIDIA driver on your system is too old (found version 11040)."), "newer driver"),
        (RuntimeError("CUDA unknown error - this may be due to an incorrectly set up"), "install its driver"),
    ],
)
def test_cuda_without_a_card_is_refused_with_the_reason(error: Exception, told: str) -> None:
    with (
        mock.patch.object(torch.cuda, "is_available", return_value=False),
        mock.patch.object(torch.cuda, "current_device", side_effect=error),
        pytest.raises(UserError, match=told),
    ):
        check_device("cuda")


async def test_cuda_without_a_card_is_said_before_the_model_is_read(folder: Path, tmp_path: Path) -> None:
    served = Served(folder, tmp_path)
    stream = served.ask()
    with mock.patch.object(torch.cuda, "is_available", return_value=False):
        served.run()
    with pytest.raises(UserError, match='device is "cuda", but torch finds no graphics card'):
        await anext(stream)


def plan(folder: Path, precision: Precision, model: str = "Qwen2.5-7B") -> LoadPlan:
    """A plan for a model of which there is nothing but config.json."""
    config_of(model).save_pretrained(folder)
    return LoadPlan(ModelSource("folder", model, folder), "fingerprint", precision, "cuda")


GIB = 1 << 30


@pytest.mark.parametrize(
    ("precision", "memory", "told"),
    [
        (
            "bf16",
            12 * GIB,
            r'in bf16 its weights take 15\.2 GB, .* 12\.4 GB free: .* precision to "int8", or',
        ),
        ("bf16", 8 * GIB, r'8\.1 GB free: set \[model\] precision to "nf4", or close other programs'),
        ("fp32", 24 * GIB, r'30\.5 GB, .* set \[model\] precision to "bf16"'),
        ("nf4", 4 * GIB, r"in nf4 its weights take 5\.5 GB, .* choose a smaller \[model\] name, or close"),
        ("bf16", 4 * GIB, r"choose a smaller \[model\] name"),
    ],
)
def test_a_model_that_does_not_fit_is_told_in_numbers(
    tmp_path: Path, precision: Precision, memory: int, told: str
) -> None:
    with pretended_card(memory=memory), pytest.raises(UserError, match=told):
        check_room(plan(tmp_path, precision))


def test_a_model_that_fits_is_loaded(tmp_path: Path) -> None:
    with pretended_card(memory=8 * GIB):
        check_room(plan(tmp_path, "nf4"))


async def test_memory_that_runs_out_while_loading_is_no_fault_of_the_files(
    folder: Path, tmp_path: Path
) -> None:
    with pretended_card(), weightless() as loads:
        loads.side_effect = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`")
        served = Served(folder, tmp_path)
        stream = served.ask()
        served.run()
    with pytest.raises(
        UserError, match=r"does not fit: in bf16 its weights take .* GB, and the graphics card"
    ):
        await anext(stream)


def test_other_errors_of_loading_still_name_the_files() -> None:
    error = explain_load_failure(ValueError("shards are missing"), "a model", None)
    assert "check its files" in str(error)


@pytest.mark.parametrize(("system", "limit"), [("win32", 0.45), ("linux", 1.0)])
def test_only_where_a_full_card_spills_into_main_memory_torch_is_limited(system: str, limit: float) -> None:
    with pretended_card(memory=10 * GIB, others=5 * GIB) as card, mock.patch.object(sys, "platform", system):
        limit_memory("cuda")
        assert (spill_advice("auto") is not None) == (system == "win32")
        assert card.memory.limit == pytest.approx(limit, abs=0.03)


@pytest.mark.parametrize("after", [1, 30, 100])
async def test_memory_that_runs_out_behind_the_weights_is_no_fault_of_the_model(
    folder: Path, tmp_path: Path, after: int
) -> None:
    with pretended_card() as card, weightless() as loads:
        load = loads.side_effect

        def load_then_fill(path: Path, **arguments: object) -> object:
            model = load(path, **arguments)
            card.fail(torch.OutOfMemoryError("CUDA out of memory."), after=after)
            return model

        loads.side_effect = load_then_fill
        served = Served(folder, tmp_path)
        stream = served.ask()
        served.run()
    with pytest.raises(UserError, match="does not fit: in bf16"):
        await anext(stream)


@pytest.mark.parametrize(
    ("dtype", "told"),
    [(torch.float16, 'too large for float16; set .* to "bf16"'), (torch.float32, "its files")],
)
def test_a_model_whose_numbers_overflow_is_refused_with_the_remedy(
    folder: Path, dtype: torch.dtype, told: str
) -> None:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    with torch.no_grad():
        # in float16 infinite already, as weights of bfloat16 beyond it; others are computed in float32
        model.model.layers[0].mlp.down_proj.weight[:] = torch.inf if dtype == torch.float16 else 3e38
    # as on a card: FBGEMM of a CPU would compute a model in float16 in float32
    with mock.patch.object(matmul, "has_fbgemm", return_value=False), pytest.raises(UserError, match=told):
        ModelRunner(model.eval(), "a model", 2048)
