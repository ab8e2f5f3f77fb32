"""Two processes under `accelerate launch` learn what one does."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.school import School

ROOT = Path(__file__).parent.parent


def launch(school: School) -> subprocess.CompletedProcess[str]:
    """`train` in two processes on the CPU."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    settings = ROOT / "training/accelerate/cpu.yaml"
    how = ["--config_file", str(settings), "--main_process_port", port, "-m", "training"]
    command = [sys.executable, "-m", "accelerate.commands.launch", *how, *school.arguments("train")]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


def test_two_processes_have_the_loss_and_the_adapter_of_one(tmp_path: Path) -> None:
    one = School(tmp_path / "one").built()
    two = one.copy(tmp_path / "two")
    done = launch(two)
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
    for name, ours in first.items():
        torch.testing.assert_close(ours, second[name], atol=1e-4, rtol=1e-3)
