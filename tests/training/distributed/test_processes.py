"""Two processes under `accelerate launch` learn what one does."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bot.errors import UserError
from tests.fixtures.tiny_training import SMALL, School
from tests.paths import ROOT
from training.distributed import fsdp
from training.distributed.processes import ProcessGroup

CPU = ROOT / "training/distributed/accelerate/cpu.yaml"


def on_cpu(folder: Path, old: str = "", new: str = "") -> Path:
    """The configuration for parted base models as one for the CPU, with some words otherwise."""
    path = folder / "launch.yaml"
    told = (ROOT / "training/distributed/accelerate/fsdp.yaml").read_text()
    told = told.replace(old, new) if old else told
    path.write_text(f"use_cpu: true\n{told}")
    return path


def launch(school: School, settings: Path = CPU) -> subprocess.CompletedProcess[str]:
    """`train` in two processes on the CPU."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    how = ["--config_file", str(settings), "--main_process_port", port, "-m", "training"]
    command = [sys.executable, "-m", "accelerate.commands.launch", *how, *school.arguments("train")]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.mark.parametrize("parted", [False, True])
def test_two_processes_have_the_loss_and_the_adapter_of_one(parted: bool, tmp_path: Path) -> None:
    # What is left out by chance is other when layers are parted, so there nothing is.
    one = School(tmp_path / "one", f"{SMALL}dropout = 0.0\n" if parted else SMALL).built()
    two = one.copy(tmp_path / "two")
    done = launch(two, on_cpu(tmp_path) if parted else CPU)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The adapter is in place.") == 1
    code, _, error = one.run("train")
    assert code == 0, error
    for ours, theirs in zip(one.log(), two.log(), strict=True):
        assert {k: v for k, v in ours.items() if k not in ("loss", "norm")} == {
            k: v for k, v in theirs.items() if k not in ("loss", "norm")
        }
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
    first, second = (load_file(each.folder / "adapter/adapter_model.safetensors") for each in (one, two))
    for name, weights in first.items():
        torch.testing.assert_close(weights.float(), second[name].float(), atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize(
    ("told", "instead", "reason"),
    [
        ("fsdp_version: 2", "fsdp_version: 1", "FSDP 1 is not supported"),
        ("efficient_loading: false", "efficient_loading: true", "Every process must read the base model"),
        ("checkpointing: false", "checkpointing: true", "Checkpointing is a matter of the recipe"),
    ],
)
def test_what_is_not_done_in_several_processes_is_said(
    told: str, instead: str, reason: str, tmp_path: Path
) -> None:
    school = School(tmp_path / "one").built()
    done = launch(school, on_cpu(tmp_path, told, instead))
    assert done.returncode != 0
    assert reason in done.stderr
    assert not (school.folder / "adapter").exists()


def test_deepspeed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(UserError) as caught:
        ProcessGroup("cpu")
    assert str(caught.value) == (
        "DeepSpeed is not supported: take training/distributed/accelerate/ddp.yaml, or fsdp.yaml where "
        "the base model is too large for one GPU."
    )


def test_a_quantised_base_model_is_not_parted() -> None:
    model = torch.nn.Module()
    model.is_quantized = True  # type: ignore[assignment]
    with pytest.raises(UserError, match="A quantised base model cannot be parted"):
        fsdp.part(model, None, torch.device("cpu"), 2)
