"""A run that is killed, interrupted or thrown off goes on as if nothing had happened."""

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
from tests.fixtures.tiny_training import SMALL, School
from training.runs import checkpoints
from training.runs.checkpoints import RunState
from training.trainer import session


def start(school: School, *more: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "training", *school.arguments("train", *more)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_step(school: School, step: int, process: subprocess.Popen[str], run: int = 0) -> None:
    """Until the persona's run with that number, from 0, has got so far."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if len(school.runs()) > run and any(line.get("step", 0) >= step for line in school.log(run)):
            return
        time.sleep(0.01)
    process.kill()
    raise AssertionError(process.communicate())


def adapter(school: School) -> dict[str, torch.Tensor]:
    return load_file(school.folder / "adapter/adapter_model.safetensors")


def assert_same_course(school: School, other: School) -> None:
    """The last runs of two schools had the same curve."""
    ours, theirs = (
        [{k: v for k, v in line.items() if k != "reason"} for line in each.log()] for each in (school, other)
    )
    assert ours == theirs


def assert_same(school: School, other: School) -> None:
    """Two runs had the same curve and made the same adapter."""
    assert_same_course(school, other)
    first, second = adapter(school), adapter(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> School:
    """A persona with data, which copies share: pseudonyms are drawn by chance."""
    return School(tmp_path_factory.mktemp("built")).built()


@pytest.fixture(scope="module")
def whole(built: School, tmp_path_factory: pytest.TempPathFactory) -> School:
    """The same, trained without any trouble."""
    school = built.copy(tmp_path_factory.mktemp("whole"))
    code, _, error = school.run("train")
    assert code == 0, error
    return school


def test_after_kill_9_the_curve_and_the_adapter_are_those_of_an_undisturbed_run(
    built: School, whole: School, tmp_path: Path
) -> None:
    school = built.copy(tmp_path)
    process = start(school)
    wait_for_step(school, 6, process)
    process.kill()
    process.communicate()
    assert not (school.folder / "adapter").exists()
    code, out, error = school.run("train", "--resume")
    assert code == 0, error
    assert "The adapter is in place." in out
    assert_same(school, whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_saved_and_says_how_to_go_on(
    number: int, built: School, whole: School, tmp_path: Path
) -> None:
    school = built.copy(tmp_path)
    process = start(school)
    wait_for_step(school, 3, process)
    os.kill(process.pid, number)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert "to go on: python -m training train --persona mara --resume" in error
    assert school.run("train", "--resume")[0] == 0
    assert_same(school, whole)


def test_a_loss_that_is_no_number_halves_the_rate_and_says_so(built: School, tmp_path: Path) -> None:
    """A model that breaks where its adapter's weights grow too fast, as one in 16 bits does."""
    school = built.copy(tmp_path)
    school.set(SMALL + "rate = 0.08\nwarmup = 0\n")
    breaking = session.base_model.BaseModel.load

    def load(found: session.base_model.BaseModel) -> torch.nn.Module:
        model = breaking(found)
        layer = model.model.layers[0].mlp

        def explode(module: torch.nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
            grown = max(
                float(each.detach().abs().max())
                for name, each in layer.named_parameters()
                if "lora_B" in name
            )
            return output * float("nan") if grown > 0.07 else output

        layer.register_forward_hook(lambda *of: explode(*of) if hasattr(layer.up_proj, "lora_B") else of[2])
        return model  # type: ignore[no-any-return]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session.base_model.BaseModel, "load", load)
        code, _, error = school.run("train")
    assert code == 0, error
    halved = [line for line in school.log() if line["event"] == "halved"]
    rates = [line["rate"] for line in school.log() if line["event"] == "learned"]
    assert halved[:2] == [
        {"event": "halved", "step": 1, "at": 2, "rate": halved[0]["rate"]},
        {"event": "halved", "step": 0, "at": 2, "rate": halved[0]["rate"] / 2},
    ]
    assert rates[0] == 4 * rates[1] == 0.08
    assert "step 2: the loss is not a number; back to step 0 at half the rate" in error
    told = json.loads((school.runs()[0] / "run.json").read_text())
    assert told["halved"] == len(halved)


def test_a_loss_that_stays_no_number_ends_the_run_and_keeps_the_adapter(
    built: School, tmp_path: Path
) -> None:
    school = built.copy(tmp_path)
    (school.folder / "adapter").mkdir()
    (school.folder / "adapter/kept").touch()
    plain = session.base_model.BaseModel.load

    def load(found: session.base_model.BaseModel) -> torch.nn.Module:
        model = plain(found)
        model.model.norm.register_forward_hook(
            lambda module, inputs, output: output * float("nan") if model.model.norm.training else output
        )
        return model  # type: ignore[no-any-return]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session.base_model.BaseModel, "load", load)
        code, _, error = school.run("train")
    assert code == 2
    assert "The loss is not a number at step 1, even at a rate of" in error
    assert (school.folder / "adapter/kept").exists()


def test_a_state_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
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
