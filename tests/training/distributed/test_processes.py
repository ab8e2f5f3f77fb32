"""Two processes under `accelerate launch` train the adapter that one process trains."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env
from safetensors.torch import load_file

from bot.errors import UserError
from tests.fixtures.tiny_training import SMALL, TinyPersona
from tests.paths import ROOT
from training.distributed import fsdp
from training.distributed.processes import ProcessGroup

CPU = ROOT / "training/distributed/accelerate/cpu.yaml"


def on_cpu(folder: Path, old: str = "", new: str = "") -> Path:
    """Write fsdp.yaml as a configuration for the CPU, with `old` replaced by `new`."""
    path = folder / "launch.yaml"
    settings = (ROOT / "training/distributed/accelerate/fsdp.yaml").read_text()
    settings = settings.replace(old, new) if old else settings
    path.write_text(f"use_cpu: true\n{settings}")
    return path


def launch(persona: TinyPersona, settings: Path = CPU) -> subprocess.CompletedProcess[str]:
    """Run `train` in two processes on the CPU."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    how = ["--config_file", str(settings), "--main_process_port", port, "-m", "training"]
    command = [sys.executable, "-m", "accelerate.commands.launch", *how, *persona.arguments("train")]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.mark.parametrize("sharded", [False, True])
def test_two_processes_have_the_loss_and_the_adapter_of_one(sharded: bool, tmp_path: Path) -> None:
    # Dropout differs where layers are sharded, so that there is none there.
    one = TinyPersona(tmp_path / "one", f"{SMALL}dropout = 0.0\n" if sharded else SMALL).built()
    two = one.copy(tmp_path / "two")
    done = launch(two, on_cpu(tmp_path) if sharded else CPU)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The adapter is in place: adapter/.") == 1
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


REFUSED = [
    ("fsdp_version: 2", "fsdp_version: 1", "FSDP 1 is not supported"),
    ("efficient_loading: false", "efficient_loading: true", "Every process must read the base model"),
    ("checkpointing: false", "checkpointing: true", "Checkpointing belongs to the recipe"),
]


@pytest.mark.parametrize(("old", "new", "reason"), REFUSED)
def test_unsupported_fsdp_settings_are_refused(
    old: str, new: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables are those that `accelerate launch` gives its processes."""
    told = ["--config_file", str(on_cpu(tmp_path, old, new)), "-m", "training"]
    arguments, _, _ = _validate_launch_command(launch_command_parser().parse_args(told))
    for name, value in prepare_multi_gpu_env(arguments).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=reason):
        fsdp.requested_plugin()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [REFUSED[0], *(pytest.param(*row, marks=pytest.mark.slow) for row in REFUSED[1:])],
)
def test_unsupported_fsdp_settings_end_a_launch(old: str, new: str, reason: str, tmp_path: Path) -> None:
    persona = TinyPersona(tmp_path / "one").built()
    done = launch(persona, on_cpu(tmp_path, old, new))
    assert done.returncode != 0
    assert reason in done.stderr
    assert not (persona.folder / "adapter").exists()


def test_deepspeed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(UserError) as caught:
        ProcessGroup("cpu")
    assert str(caught.value) == (
        "DeepSpeed is not supported: take training/distributed/accelerate/ddp.yaml, or fsdp.yaml where "
        "the base model is too large for one GPU."
    )


def test_a_quantised_base_model_is_not_sharded() -> None:
    model = torch.nn.Module()
    model.is_quantized = True  # type: ignore[assignment]
    with pytest.raises(UserError, match="A quantised base model cannot be sharded"):
        fsdp.shard_model(model, None, torch.device("cpu"), 2)
