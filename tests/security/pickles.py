"""Base models with pickled weights in each place from which a library would open them."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.bot.engine.model_loader.driver import edit_config

INDEX = "model.safetensors.index.json"
ADAPTER = {"peft_type": "LORA", "r": 4, "target_modules": ["q_proj"], "base_model_name_or_path": "elsewhere"}


class _Writes:
    """An object whose pickle creates a file where it is opened."""

    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self._canary),)


def write_pickle(path: Path, canary: Path) -> None:
    with path.open("wb") as file:  # torch refuses to write a name that is only a suffix
        torch.save({"model.norm.weight": _Writes(canary)}, file)


def _decoy(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").rename(folder / "decoy.safetensors")
    write_pickle(folder / "pytorch_model.bin", canary)


def _decoy_for_shards(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").rename(folder / "decoy.safetensors")
    write_pickle(folder / "pytorch_model-00001-of-00001.bin", canary)
    listed = {"metadata": {}, "weight_map": {"model.norm.weight": "pytorch_model-00001-of-00001.bin"}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(listed))


def _named_by_config(folder: Path, canary: Path) -> None:
    write_pickle(folder / "adapter_model.bin", canary)
    edit_config(folder, transformers_weights="adapter_model.bin")


def _named_by_an_alias(folder: Path, canary: Path) -> None:
    write_pickle(folder / "adapter_model.bin", canary)
    edit_config(folder, attribute_map={"transformers_weights": "more"}, more="adapter_model.bin")


def _index_of_its_own(folder: Path, canary: Path) -> None:
    write_pickle(folder / "shard.bin", canary)
    (folder / "other.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": {"model.norm.weight": "shard.bin"}})
    )
    edit_config(folder, transformers_weights="other.safetensors.index.json")


def _indexed(name: str, outside: bool = False) -> Callable[[Path, Path], None]:
    def plant(folder: Path, canary: Path) -> None:
        (folder / "model.safetensors").unlink()
        save_file({"a": torch.zeros(1)}, folder / "decoy.safetensors")
        place = canary.parent / "outside.bin" if outside else folder / name
        write_pickle(place, canary)
        shard = name.format(place=place)
        listed = {"metadata": {}, "weight_map": {"a": "decoy.safetensors", "model.norm.weight": shard}}
        (folder / INDEX).write_text(json.dumps(listed))

    return plant


def _adapter_beside(folder: Path, canary: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps(ADAPTER))
    write_pickle(folder / "adapter_model.bin", canary)


def _link(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").unlink()
    write_pickle(canary.parent / "outside.bin", canary)
    (folder / "model.safetensors").symlink_to(canary.parent / "outside.bin")


def _pickle_by_that_name(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").unlink()
    write_pickle(folder / "model.safetensors", canary)


def _distributed(folder: Path, canary: Path) -> None:
    shutil.copy(folder / "model.safetensors", folder / "shard-00001-model-00001-of-00001.safetensors")
    write_pickle(folder / ".metadata", canary)


WAYS: dict[str, Callable[[Path, Path], None]] = {
    "a decoy beside a pickle": _decoy,
    "a decoy beside pickled shards": _decoy_for_shards,
    "named in config.json": _named_by_config,
    "named by an alias in config.json": _named_by_an_alias,
    "an index that config.json names": _index_of_its_own,
    "an index of .bin shards": _indexed("shard.bin"),
    "an index that leaves the folder": _indexed("../outside.bin", outside=True),
    "an index with an absolute path": _indexed("{place}", outside=True),
    "an index with a backslash": _indexed("..\\outside.safetensors"),
    "an adapter beside the base model": _adapter_beside,
    "a link out of the folder": _link,
    "a pickle under the right name": _pickle_by_that_name,
    "a distributed checkpoint": _distributed,
}
