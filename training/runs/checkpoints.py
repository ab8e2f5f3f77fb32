"""A run's states on disk: safetensors and JSON, each there as a whole or not at all."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from bot.adapter.files import CONFIG, WEIGHTS
from bot.errors import UserError
from bot.files import FolderSwap, recover_folder, replace_folder, write_private

LAST, BEST, FIRST = "last", "best", "first"
_MOMENTS, _STATE = "optimizer.safetensors", "state.json"


class State(msgspec.Struct, kw_only=True):
    """How far a run is. `stale` counts evaluations without progress, `halved` how often the rate was halved,
    the last time at step `halved_at`.

    `best` is the least loss on what is held out so far. What is dropped by chance depends on seed and step
    alone, so that no state of a random generator is kept.
    """

    step: int = 0
    best: float | None = None
    best_step: int = 0
    stale: int = 0
    halved: int = 0
    halved_at: int = -1
    ended: bool = False


class Saved(msgspec.Struct, frozen=True):
    """A state that was read."""

    state: State
    adapter: dict[str, Tensor]
    moments: dict[str, Tensor]


def save_checkpoint(
    folder: Path,
    config: Mapping[str, object],
    adapter: Mapping[str, Tensor],
    moments: Mapping[str, Tensor],
    state: State,
) -> None:
    """Put a state in a folder's place; the one before vanishes when this one is whole."""

    def write(draft: Path) -> None:
        write_adapter(draft, config, adapter)
        _write_tensors(draft / _MOMENTS, moments)
        write_private(draft / _STATE, [msgspec.json.encode(state)])

    replace(folder, write)


def write_adapter(folder: Path, config: Mapping[str, object], adapter: Mapping[str, Tensor]) -> None:
    """Write a PEFT adapter's two files."""
    write_private(folder / CONFIG, [msgspec.json.format(msgspec.json.encode(config), indent=1), b"\n"])
    _write_tensors(folder / WEIGHTS, adapter)


def read_checkpoint(folder: Path) -> Saved:
    """A state; raises `UserError` where it is missing or damaged."""
    if not folder.exists():
        recover_folder(FolderSwap.beside(folder))
    try:
        state = msgspec.json.decode((folder / _STATE).read_bytes(), type=State)
        return Saved(state, load_file(folder / WEIGHTS), load_file(folder / _MOMENTS))
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"The state in {folder} cannot be read ({error}): train without --resume.") from None


def replace(folder: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a draft and put it in the place of a checkpoint; raises `UserError`."""
    try:
        replace_folder(FolderSwap.beside(folder), write)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from None


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    try:
        save_file(dict(tensors), path, metadata={"format": "pt"})
    except SafetensorError as error:
        raise UserError(f"{path} cannot be written: {error}.") from None
