"""A card that the driver lists and torch cannot use is named with the line that mends it."""

import os
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from pathlib import Path

import pytest

from bot.engine.runtime import nvidia
from bot.engine.runtime.nvidia import cuda_remedy

RELEASE = version("torch").partition("+")[0]
CPU, CUDA = (
    "cuda: Optional[str] = None\nhip: Optional[str] = None\n",
    "cuda: Optional[str] = '13.0'\nhip = None\n",
)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for nvidia-smi and torch, which are the only ones that are found."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    spec = ModuleSpec("torch", None, origin=str(tmp_path / "torch/__init__.py"))
    monkeypatch.setattr(nvidia, "find_spec", lambda name: spec)
    (tmp_path / "torch").mkdir()
    return tmp_path


def describe(machine: Path, build: str, script: str | None) -> None:
    """Install a torch with this version.py, and an nvidia-smi that runs a script of the shell."""
    (machine / "torch/version.py").write_text(f"__version__ = '{RELEASE}'\n{build}")
    if script is not None:
        program = machine / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)


@pytest.mark.parametrize(
    ("card", "remedy"),
    [
        ("NVIDIA GeForce RTX 3060, 581.29, 8.6", "cu130"),
        ("NVIDIA GeForce RTX 3060, 560.94, 8.6", "cu126"),
        ("NVIDIA GeForce GTX 1080, 581.29, 6.1", "cu126"),
        ("NVIDIA GeForce RTX 5090, 581.29, 12.0", "cu130"),
        ("NVIDIA GeForce RTX 3060", "cu126"),
    ],
)
def test_the_line_installs_torch_for_card_and_driver(machine: Path, card: str, remedy: str) -> None:
    describe(machine, CPU, f"echo '{card}'")
    found = cuda_remedy("auto") or ""
    name = card.partition(",")[0]
    assert found.startswith(f"torch {RELEASE} is installed without CUDA, so that {name} is not used: run `")
    line = (
        f"-m pip install --upgrade torch=={RELEASE} --index-url https://download.pytorch.org/whl/{remedy}`."
    )
    assert found.endswith(line)


def test_a_new_card_with_an_old_driver_needs_a_new_driver_first(machine: Path) -> None:
    describe(machine, CPU, "echo 'NVIDIA GeForce RTX 5090, 572.16, 12.0'")
    assert "update its driver to 580 or newer, then run `" in (cuda_remedy("cuda") or "")


@pytest.mark.parametrize(
    ("build", "script", "device"),
    [
        (CUDA, "echo 'NVIDIA GeForce RTX 3060, 581.29, 8.6'", "auto"),
        (CPU, "echo 'NVIDIA GeForce RTX 3060, 581.29, 8.6'", "cpu"),
        (CPU, None, "auto"),
        (
            CPU,
            "echo 'NVIDIA-SMI has failed because it could not communicate with the driver'; exit 9",
            "auto",
        ),
        (CPU, "exit 0", "auto"),
        ("", "echo 'NVIDIA GeForce RTX 3060, 581.29, 8.6'", "auto"),
    ],
)
def test_where_nothing_is_to_mend_nothing_is_said(
    machine: Path, build: str, script: str | None, device: str
) -> None:
    describe(machine, build, script)
    assert cuda_remedy(device) is None


def test_a_driver_that_hangs_is_not_waited_for(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "_SECONDS", 0.05)
    describe(machine, CPU, "exec sleep 60")
    assert cuda_remedy("auto") is None
