"""Download of a base model from the hub: weights and tokenizer files, never code or pickles."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from bot.engine.checkpoint.hub_compat import network_errors
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
    with _explained(source):
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


@contextmanager
def _explained(source: ModelSource) -> Iterator[None]:
    """Raise `UserError` for whatever keeps a model from being fetched."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    broken: tuple[type[Exception], ...] = (*network_errors(), ValueError)
    try:
        yield
    except UserError:
        raise
    except OfflineModeIsEnabled as error:
        raise _unreachable(source, "HF_HUB_OFFLINE is set") from error
    except HfHubHTTPError as error:
        raise _refused(source, error) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UserError(
                f"The base model {source.name} does not fit on the disk ({error.strerror}): make room in the "
                "hub's cache, or set HF_HOME to a folder on another disk."
            ) from error
        raise _unreachable(source, " ".join(str(error).split())[:200]) from error
    except broken as error:
        raise _unreachable(source, f"{type(error).__name__}") from error


def _unreachable(source: ModelSource, reason: str) -> UserError:
    return UserError(
        f"The base model {source.name} is nowhere to be found: tried {', '.join(source.tried)}; the hub "
        f"did not give it ({reason}). Go online, or set [model] name to a folder or a .gguf file here; what "
        "was fetched is kept, and the next start goes on from there."
    )


def _refused(source: ModelSource, error: Any) -> UserError:
    """Return the error to raise for an answer of the hub that is no file."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    repository = HubName.of(source.name).repository
    if isinstance(error, GatedRepoError):
        return UserError(
            f"The hub gives {repository} only to people who accepted its terms: accept them on its page, run "
            "`hf auth login`, and start again."
        )
    if isinstance(error, RepositoryNotFoundError):
        return UserError(
            f"The hub has no model {repository}, or keeps it private: spell [model] name as there."
        )
    status = getattr(getattr(error, "response", None), "status_code", "no status")
    return _unreachable(source, f"{type(error).__name__}, {status}")
