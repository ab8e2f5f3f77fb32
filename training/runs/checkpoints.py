"""A run's states on disk: safetensors and JSON, each there as a whole or not at all."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from bot.errors import UserError
from training.store.atomic import write_private

LAST, BEST, FIRST = "last", "best", "first"
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
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
    folder = recovered(folder)
    try:
        state = msgspec.json.decode((folder / _STATE).read_bytes(), type=State)
        return Saved(state, load_file(folder / WEIGHTS), load_file(folder / _MOMENTS))
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"The state in {folder} cannot be read ({error}): train without --resume.") from None


def recovered(folder: Path) -> Path:
    """The folder, or the one before it where its writer was killed between two renames."""
    old = _old(folder)
    if not folder.exists() and old.exists():
        os.replace(old, folder)
    return folder


def replace(folder: Path, write: Callable[[Path], None]) -> None:
    """Have a folder written anew and put it in its place."""
    draft, old = folder.with_name(f"{folder.name}.new"), _old(recovered(folder))
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        write(draft)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(draft, folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _old(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.old")


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    try:
        save_file(dict(tensors), path, metadata={"format": "pt"})
        with path.open("rb") as file:
            os.fsync(file.fileno())
    except SafetensorError as error:
        raise UserError(f"{path} cannot be written: {error}.") from None
