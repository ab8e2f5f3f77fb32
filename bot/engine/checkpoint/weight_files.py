"""The weight files of a base model: safetensors inside its folder, before a library chooses files itself.

transformers follows config.json, adapter_config.json and an index to files of any format, pickles among them.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from bot.engine.checkpoint.safetensors_header import check_safetensors
from bot.untrusted import RefusedFile, open_regular, read_json

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
# read by transformers beside the weights; a link may not lead any of them out of the folder
_READ = """
config.json generation_config.json tokenizer.json tokenizer_config.json special_tokens_map.json
added_tokens.json chat_template.jinja vocab.json merges.txt tokenizer.model
""".split()
_JSON_BYTES = 64 << 20  # an index of 100,000 tensors has 10 MB
_ADAPTER = "adapter_config.json"
_ELSEWHERE = "transformers_weights"  # the key of config.json that names another weight file


def weight_files(folder: Path) -> tuple[str, ...]:
    """Return the names of the safetensors files that a model's folder is loaded from.

    Raises `RefusedFile` where transformers would open any other file.
    """
    root = folder_root(folder)
    refuse_adapter(folder)
    for name in _READ:
        if (folder / name).exists():
            open_regular(folder, name, root).close()
    if read_folder_config(folder).get(_ELSEWHERE) is not None:
        raise RefusedFile(f"config.json names a weight file of its own ({_ELSEWHERE})", "remove that key")
    names = _names(folder, root)
    if stray := next(folder.glob("shard-*-model-*.safetensors"), None):
        raise RefusedFile(f"{stray.name} is part of a distributed checkpoint", "save the model as one")
    for name in names:
        open_regular(folder, name, root).close()
    return names


def check_files(folder: Path) -> None:
    """Raise `RefusedFile` like `weight_files`, and for a weight file that was cut or overwritten."""
    for name in weight_files(folder):
        check_safetensors(folder, name, folder_root(folder))


def read_folder_config(folder: Path) -> dict[str, Any]:
    """Return the config.json of a model's folder; raises `RefusedFile` where it is missing or no JSON."""
    return read_json(folder, "config.json", _JSON_BYTES, folder_root(folder))


def refuse_adapter(folder: Path) -> None:
    """Raise `RefusedFile` for a folder with an adapter, which transformers would follow to other files."""
    if (folder / _ADAPTER).exists():
        raise RefusedFile(f"{_ADAPTER} lies beside the base model", "move the adapter to a folder of its own")


def _names(folder: Path, root: Path) -> tuple[str, ...]:
    if (folder / WEIGHTS).exists():
        return (WEIGHTS,)
    if (folder / INDEX).exists():
        return _shards(read_json(folder, INDEX, _JSON_BYTES, root))
    if any(file.suffix in PICKLE_SUFFIXES for file in folder.iterdir()):
        raise RefusedFile(
            "it has only pickled weights, which can run code and are never opened",
            "use a copy of it in safetensors format",
        )
    raise RefusedFile(f"it has no complete .safetensors weights ({WEIGHTS})", "copy or download it again")


def _shards(index: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the file names in an index; raises `RefusedFile` for any but plain .safetensors names."""
    listed = index.get("weight_map")
    if not isinstance(listed, dict) or not listed:
        raise RefusedFile(f"{INDEX} lists no weights", "copy or download the model again")
    names = dict.fromkeys(listed.values()) if all(isinstance(each, str) for each in listed.values()) else {}
    if not names or not all(map(_is_plain, names)):
        raise RefusedFile(
            f"{INDEX} names files that are not .safetensors files of this folder",
            "use a copy of the model in safetensors format",
        )
    return tuple(names)


def _is_plain(name: str) -> bool:
    plain = PurePosixPath(name).name == name == PureWindowsPath(name).name
    return plain and name.endswith(".safetensors") and name.isprintable()


def folder_root(folder: Path) -> Path:
    """Return the folder that links may not leave: in the hub's cache, the one of all its snapshots."""
    return folder.parent.parent if folder.parent.name == "snapshots" else folder
