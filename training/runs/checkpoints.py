"""Checkpoints of a run: folders of safetensors and JSON, each replaced as a whole or not at all."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from bot.adapter.files import CONFIG, WEIGHTS
from bot.errors import UserError
from bot.files import FolderSwap, recover_folder, replace_folder, write_private
from training.runs.curve_position import CurvePosition
from training.store.indented_json import encode_indented

LAST, BEST, FIRST = "last", "best", "first"
KEPT = "step-*"  # adapters that `save_every` keeps
_MOMENTS, _STATE = "optimizer.safetensors", "state.json"


class RunState(msgspec.Struct, kw_only=True):
    """The progress of a run, state.json.

    `stale` counts evaluations without progress, `halved` the times that the learning rate was halved, the
    last time at step `halved_at`. `best` is the least loss on the validation set so far, in nats a label.
    `row` is the length of rows and `checkpointing` whether activations are computed twice, where memory ran
    out under the recipe's. `scale` is that of the loss in float16, for `steady` steps so far. Dropout depends
    on seed and step alone, so that no state of a random generator is kept. `position` is that of the last
    step on the curve of the learning rate. `seconds` is the time of training so far, in all processes that
    went on with the run.
    """

    step: int = 0
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    halved: int = 0
    halved_at: int = -1
    ended: bool = False
    row: int | None = None
    checkpointing: bool = False
    scale: float | None = None
    steady: int = 0
    position: CurvePosition | None = None
    seconds: float = 0.0


class Checkpoint(msgspec.Struct, frozen=True):
    """A checkpoint in memory: the adapter's matrices and the moments of AdamW by name."""

    state: RunState
    adapter: dict[str, Tensor]
    moments: dict[str, Tensor]


def save_checkpoint(
    folder: Path,
    config: Mapping[str, object],
    adapter: Mapping[str, Tensor],
    moments: Mapping[str, Tensor],
    state: RunState,
) -> None:
    """Write a checkpoint in place of the one before; raises `UserError` where it cannot be written."""

    def write(draft: Path) -> None:
        write_peft_adapter(draft, config, adapter)
        _write_tensors(draft / _MOMENTS, moments)
        write_private(draft / _STATE, [msgspec.json.encode(state)])

    replace_checkpoint(folder, write)


def kept_name(step: int) -> str:
    """Return the name of the folder with the adapter after a step."""
    return KEPT.replace("*", str(step))


def write_peft_adapter(folder: Path, config: Mapping[str, object], adapter: Mapping[str, Tensor]) -> None:
    """Write the two files of a PEFT adapter into a folder."""
    write_private(folder / CONFIG, [encode_indented(config)])
    _write_tensors(folder / WEIGHTS, adapter)


def has_checkpoint(run_folder: Path) -> bool:
    """Return whether a run can go on from its last checkpoint, also one that was being replaced."""
    swap = FolderSwap.beside(run_folder / LAST)
    return any(folder.is_dir() for folder in (swap.home, swap.ready, swap.previous))


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint; raises `UserError` where it is missing or damaged."""
    try:
        if not folder.exists():
            recover_folder(FolderSwap.beside(folder))
        state = msgspec.json.decode((folder / _STATE).read_bytes(), type=RunState)
        return Checkpoint(state, read_tensors(folder / WEIGHTS), read_tensors(folder / _MOMENTS))
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"The state in {folder} cannot be read ({error}): train without --resume.") from None


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file into memory; raises `OSError` and `SafetensorError`.

    `load_file` maps the file, and Windows replaces no folder that holds a mapped file.
    """
    return load(path.read_bytes())


def replace_checkpoint(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a draft, and put the draft in place of a checkpoint; raises `UserError`."""
    try:
        replace_folder(FolderSwap.beside(folder), write)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from None


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    try:
        save_file(dict(tensors), path, metadata={"format": "pt"})
    except SafetensorError as error:
        raise UserError(f"{path} cannot be written: {error}.") from None
