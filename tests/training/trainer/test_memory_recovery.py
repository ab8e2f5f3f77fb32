"""A run whose memory runs out goes on in shorter rows to the same adapter; a lost card ends it in order."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_post_hook

from tests.fixtures.tiny_training import SMALL, TinyPersona
from training.dataset.workspace import read_build_record
from training.trainer import loss_scale
from training.trainer.base_model import BaseModel
from training.trainer.stages import read_training_data

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

OPTIONS = f"{SMALL}dropout = 0\n"  # the same examples in other rows have other dropout
LOST = "CUDA error: unspecified launch failure"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    return TinyPersona(tmp_path_factory.mktemp("built"), OPTIONS).built()


@pytest.fixture(scope="module")
def whole(built: TinyPersona, tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    """A copy that was trained without a fault."""
    persona = built.copy(tmp_path_factory.mktemp("whole"))
    code, _, error = persona.run("train")
    assert code == 0, error
    return persona


@contextmanager
def failing(fails: Callable[[torch.Tensor], None]) -> Iterator[None]:
    """Let `fails` see the hidden states [1, tokens, size] that enter the last layer, in every pass."""
    load = BaseModel.load

    def loaded(base: BaseModel) -> Any:
        model = load(base)
        model.model.layers[-1].register_forward_pre_hook(lambda module, inputs: fails(inputs[0]))
        return model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseModel, "load", loaded)
        yield


def assert_same_adapter(persona: TinyPersona, other: TinyPersona) -> None:
    """Assert that two personas' adapters are equal but for rounding to half precision."""
    first, second = (
        load_file(each.folder / "adapter/adapter_model.safetensors") for each in (persona, other)
    )
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=2e-5, rtol=5e-3)


def read_state(persona: TinyPersona) -> dict[str, Any]:
    """Return state.json of the last checkpoint."""
    state: dict[str, Any] = json.loads((persona.runs()[0] / "last/state.json").read_text())
    return state


def smaller(persona: TinyPersona) -> list[dict[str, Any]]:
    return [line for line in persona.log() if line["event"] == "smaller"]


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED")],
)
def test_a_step_whose_memory_runs_out_goes_on_in_rows_of_half_the_tokens(
    error: Exception, built: TinyPersona, whole: TinyPersona, tmp_path: Path
) -> None:
    persona, seen = built.copy(tmp_path), list[int]()

    def fail_once_in_the_run(hidden: torch.Tensor) -> None:
        if persona.runs() and hidden.requires_grad:
            seen.append(hidden.shape[1])
            if len(seen) == 5:
                raise error

    with failing(fail_once_in_the_run):
        code, _, shown = persona.run("train")
    assert code == 0, shown
    assert "the memory ran out; the same step goes on in rows of" in shown
    (line,) = smaller(persona)
    assert line["checkpointing"] is False
    assert max(seen[5:]) < max(seen[:5])
    assert_same_adapter(persona, whole)


def test_the_trial_before_a_run_finds_rows_that_the_memory_holds(
    built: TinyPersona, whole: TinyPersona, tmp_path: Path
) -> None:
    persona = built.copy(tmp_path)
    data, _ = read_training_data(persona.workspace(), read_build_record(persona.work))
    longest = max(len(each.ids) for each in data.all_examples)

    def hold_little(hidden: torch.Tensor) -> None:
        if hidden.shape[1] > longest:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with failing(hold_little):
        code, _, shown = persona.run("train")
    assert code == 0, shown
    recipe = json.loads((persona.runs()[0] / "recipe.json").read_text())
    assert recipe["reasons"]["row"] == "the memory ran out in a trial step"
    assert recipe["recipe"]["row"] < 2 * longest
    assert not smaller(persona)
    assert_same_adapter(persona, whole)


def test_an_update_that_ran_out_of_memory_is_undone(
    built: TinyPersona, whole: TinyPersona, tmp_path: Path
) -> None:
    persona, updates = built.copy(tmp_path), list[int]()

    def fail_once(*_: object) -> None:
        if persona.runs():
            updates.append(1)
            if len(updates) == 4:
                raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = register_optimizer_step_post_hook(fail_once)
    try:
        code, _, shown = persona.run("train")
    finally:
        hook.remove()
    assert code == 0, shown
    assert_same_adapter(persona, whole)


def test_what_does_not_fit_even_alone_and_computed_twice_is_said_and_the_run_is_kept(
    built: TinyPersona, whole: TinyPersona, tmp_path: Path
) -> None:
    persona, passes = built.copy(tmp_path), list[int]()

    def fail_from_the_fifth_on(hidden: torch.Tensor) -> None:
        passes.append(1)
        if persona.runs() and len(passes) > 30:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with failing(fail_from_the_fifth_on):
        code, out, shown = persona.run("train")
    assert (code, out) == (2, "")
    assert "The memory does not hold a step of one example" in shown.splitlines()[-1]
    assert "a smaller --window" in shown
    assert shown.endswith("is kept, to go on: python -m training train --persona mara --resume\n")
    assert [line["checkpointing"] for line in smaller(persona)][-1] is True
    code, _, shown = persona.run("train", "--resume")
    assert code == 0, shown
    assert_same_adapter(persona, whole)


def test_the_scale_of_a_loss_in_float16_goes_on_where_the_run_was_interrupted(
    built: TinyPersona, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_scale, "STEADY", 3)  # so that it changes within the run
    adapters, passes = list[dict[str, torch.Tensor]](), list[int]()

    def fail(hidden: torch.Tensor) -> None:
        passes.append(1)
        if adapters and persona.runs() and len(passes) > 30:
            raise RuntimeError(LOST)

    for kind in ("whole", "interrupted"):
        persona = built.copy(tmp_path / kind)
        persona.set_options(OPTIONS.replace("fp32", "fp16"))
        passes.clear()
        with failing(fail):
            code, _, shown = persona.run("train")
        if kind == "interrupted":
            assert code == 2, shown
            assert 0 < read_state(persona)["step"] < 14
            code, _, shown = persona.run("train", "--resume")
        assert code == 0, shown
        assert read_state(persona)["scale"] > loss_scale.FIRST
        adapters.append(load_file(persona.folder / "adapter/adapter_model.safetensors"))
    assert all(torch.equal(adapters[0][name], adapters[1][name]) for name in adapters[0])


def test_a_lost_card_ends_the_run_with_the_command_that_goes_on(
    built: TinyPersona, whole: TinyPersona, tmp_path: Path
) -> None:
    persona, passes = built.copy(tmp_path), list[int]()

    def fail(hidden: torch.Tensor) -> None:
        passes.append(1)
        if persona.runs() and len(passes) > 30:
            raise RuntimeError(LOST)

    with failing(fail):
        code, out, shown = persona.run("train")
    assert (code, out) == (2, "")
    assert shown.splitlines()[-1] == (
        "training: Training stopped, since the graphics card stopped answering, as after a sleep or a reset "
        "of its driver; the last checkpoint is kept, to go on: python -m training train --persona mara "
        "--resume"
    )
    code, _, shown = persona.run("train", "--resume")
    assert code == 0, shown
    assert_same_adapter(persona, whole)
