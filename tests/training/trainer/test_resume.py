"""A run that is killed or interrupted, or whose loss is not finite, resumes with the same steps."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bot.errors import UserError
from tests.fixtures.tiny_training import SMALL, TinyPersona
from training.runs import checkpoints
from training.runs.checkpoints import RunState
from training.trainer.base_model import BaseModel


def start(persona: TinyPersona, *more: str) -> subprocess.Popen[str]:
    """Start `train` in a process of its own."""
    command = [sys.executable, "-m", "training", *persona.arguments("train", *more)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_step(persona: TinyPersona, step: int, process: subprocess.Popen[str], run: int = 0) -> None:
    """Wait until the run with that number, from 0, has logged the step."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if len(persona.runs()) > run and any(line.get("step", 0) >= step for line in persona.log(run)):
            return
        time.sleep(0.01)
    process.kill()
    raise AssertionError(process.communicate())


def adapter(persona: TinyPersona) -> dict[str, torch.Tensor]:
    return load_file(persona.folder / "adapter/adapter_model.safetensors")


def assert_same_log(persona: TinyPersona, other: TinyPersona) -> None:
    """Assert that the last runs of two personas have the same log but for reasons."""
    ours, theirs = (
        [{k: v for k, v in line.items() if k != "reason"} for line in each.log()] for each in (persona, other)
    )
    assert ours == theirs


def assert_same(persona: TinyPersona, other: TinyPersona) -> None:
    """Assert that two runs have the same log and the same adapter, bit by bit."""
    assert_same_log(persona, other)
    first, second = adapter(persona), adapter(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    """A persona with data that copies share: pseudonyms are random."""
    return TinyPersona(tmp_path_factory.mktemp("built")).built()


@pytest.fixture(scope="module")
def whole(built: TinyPersona, tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    """A copy that was trained without interruption."""
    persona = built.copy(tmp_path_factory.mktemp("whole"))
    code, _, error = persona.run("train")
    assert code == 0, error
    return persona


def test_after_kill_9_log_and_adapter_are_those_of_an_uninterrupted_run(
    built: TinyPersona, whole: TinyPersona, tmp_path: Path
) -> None:
    persona = built.copy(tmp_path)
    process = start(persona)
    wait_for_step(persona, 6, process)
    process.kill()
    process.communicate()
    assert not (persona.folder / "adapter").exists()
    code, out, error = persona.run("train", "--resume")
    assert code == 0, error
    assert "The adapter is in place: adapter/." in out
    assert_same(persona, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_saved_and_says_how_to_go_on(
    number: int, built: TinyPersona, whole: TinyPersona, tmp_path: Path
) -> None:
    persona = built.copy(tmp_path)
    process = start(persona)
    wait_for_step(persona, 3, process)
    os.kill(process.pid, number)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert "to go on: python -m training train --persona mara --resume" in error
    assert persona.run("train", "--resume")[0] == 0
    assert_same(persona, whole)


def test_a_loss_that_is_not_finite_halves_the_rate_and_is_logged(built: TinyPersona, tmp_path: Path) -> None:
    """The model returns nan where the adapter's weights grow too fast, as a model in 16 bits does."""
    persona = built.copy(tmp_path)
    persona.set_options(SMALL + "rate = 0.08\nwarmup = 0\n")
    load_model = BaseModel.load

    def load(found: BaseModel) -> torch.nn.Module:
        model = load_model(found)
        layer = model.model.layers[0].mlp

        def explode(module: torch.nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
            largest = max(
                float(each.detach().abs().max())
                for name, each in layer.named_parameters()
                if "lora_B" in name
            )
            return output * float("nan") if largest > 0.07 else output

        layer.register_forward_hook(lambda *of: explode(*of) if hasattr(layer.up_proj, "lora_B") else of[2])
        return model  # type: ignore[no-any-return]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseModel, "load", load)
        code, _, error = persona.run("train")
    assert code == 0, error
    halved = [line for line in persona.log() if line["event"] == "halved"]
    rates = [line["rate"] for line in persona.log() if line["event"] == "learned"]
    assert halved[:2] == [
        {"event": "halved", "step": 1, "at": 2, "rate": halved[0]["rate"]},
        {"event": "halved", "step": 0, "at": 2, "rate": halved[0]["rate"] / 2},
    ]
    assert rates[0] == 4 * rates[1] == 0.08
    assert "step 2: the loss is not a number; back to step 0 at half the rate" in error
    result = json.loads((persona.runs()[0] / "run.json").read_text())
    assert result["halved"] == len(halved)


def test_a_loss_that_stays_not_finite_ends_the_run_and_keeps_the_adapter(
    built: TinyPersona, tmp_path: Path
) -> None:
    persona = built.copy(tmp_path)
    (persona.folder / "adapter").mkdir()
    (persona.folder / "adapter/kept").touch()
    load_model = BaseModel.load

    def load(found: BaseModel) -> torch.nn.Module:
        model = load_model(found)
        model.model.norm.register_forward_hook(
            lambda module, inputs, output: output * float("nan") if model.model.norm.training else output
        )
        return model  # type: ignore[no-any-return]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseModel, "load", load)
        code, _, error = persona.run("train")
    assert code == 2
    assert "The loss is not a number at step 1, even at a rate of" in error
    assert (persona.folder / "adapter/kept").exists()


def test_a_checkpoint_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    tensors = {"a": torch.ones(2)}
    folder = tmp_path / "last"
    checkpoints.save_checkpoint(folder, {}, tensors, {}, RunState(step=1))
    folder.rename(tmp_path / "last.old")  # killed between two renames
    assert checkpoints.read_checkpoint(folder).state == RunState(step=1)
    checkpoints.save_checkpoint(folder, {}, tensors, {}, RunState(step=2))
    (tmp_path / "last.new").mkdir()  # killed while writing
    checkpoints.save_checkpoint(folder, {}, tensors, tensors, RunState(step=3))
    assert (checkpoints.read_checkpoint(folder).state.step, os.listdir(tmp_path)) == (3, ["last"])
    (folder / "optimizer.safetensors").write_bytes(b"\x00")
    with pytest.raises(UserError, match="cannot be read"):
        checkpoints.read_checkpoint(folder)
