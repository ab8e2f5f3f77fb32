"""Download of a base model from the hub: weights and tokenizer files, never code or pickles."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from bot.engine.checkpoint.hub_failures import HubFailure, hub_failures
from bot.engine.checkpoint.hub_files import HubFile, Report, fetch_large, look_up
from bot.engine.checkpoint.hub_names import HubName
from bot.engine.checkpoint.source import ModelSource, local_source
from bot.errors import UserError

HUB_FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.txt", "*.model")
# subfolders, adapters, the same weights once more
HUB_LEFT_OUT = ("*/*", "adapter_*", "consolidated*", "pytorch_model*")
_SHOWN = 8  # files of a repository that an error names


def download_model(source: ModelSource, report: Report = lambda text: None) -> ModelSource:
    """Fetch a model that the hub has; `report` gets MB, rate and time left.

    Raises `UserError` when the hub cannot be reached, has no such model or the disk has no room. What was
    fetched until then is not fetched again.
    """
    from huggingface_hub import snapshot_download

    hub_name = HubName.of(source.name)
    with hub_failures(partial(_explain, source)):
        repository = look_up(hub_name.repository)
        wanted = _wanted(hub_name, repository.files)
        fetch_large(repository, wanted, source.name, report)
        folder = snapshot_download(repository.name, allow_patterns=[file.name for file in wanted])
    path = Path(folder) / wanted[0].name if hub_name.label else Path(folder)
    return replace(local_source(path, source.name), name=source.name)


def _wanted(hub_name: HubName, files: Sequence[HubFile]) -> list[HubFile]:
    """Return the files to fetch; raises `UserError` for a repository without the model."""
    if hub_name.label:
        names = [file.name for file in files if "/" not in file.name]
        picked = hub_name.pick(names)
        if picked:
            return [file for file in files if file.name == picked]
        there = [name for name in names if name.lower().endswith(".gguf")]
        shown = ", ".join(there[:_SHOWN]) or "none"
        raise UserError(
            f"{hub_name.repository} has no GGUF file {hub_name.label!r} in one part (it has {shown}): "
            "write the type or the file's name behind the colon of [model] name."
        )
    wanted = [
        file for file in files if _matches(file.name, HUB_FILES) and not _matches(file.name, HUB_LEFT_OUT)
    ]
    if not any(file.name.endswith(".safetensors") for file in wanted):
        raise UserError(
            f"{hub_name.repository} has no safetensors: choose another [model] name, or for one of its GGUF "
            f'files "{hub_name.repository}:Q4_K_M".'
        )
    return wanted


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _explain(source: ModelSource, failure: HubFailure, detail: str) -> str:
    """Return why a model was not fetched, and what to do."""
    repository = HubName.of(source.name).repository
    if failure == "terms":
        return (
            f"The hub gives {repository} only to people who accepted its terms: accept them on its page, run "
            "`hf auth login`, and start again."
        )
    if failure == "missing":
        return f"The hub has no model {repository}, or keeps it private: spell [model] name as there."
    if failure == "disk":
        return (
            f"The base model {source.name} does not fit on the disk ({detail}): make room in the hub's "
            "cache, or set HF_HOME to a folder on another disk."
        )
    return (
        f"The base model {source.name} is nowhere to be found: tried {', '.join(source.tried)}; the hub "
        f"did not give it ({detail}). Go online, or set [model] name to a folder or a .gguf file here; what "
        "was fetched is kept, and the next start goes on from there."
    )
