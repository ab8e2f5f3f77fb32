"""Download of a base model from the hub: weights and tokenizer files, never code or pickles.

huggingface_hub (2.4) begins an interrupted file anew in the next process. Weights are fetched here, into the
cache's own place, so that they go on where they stopped, and are checked by their hash.
"""

import errno
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from filelock import FileLock

from bot.engine.checkpoint.hub_compat import fetch_file, network_errors
from bot.engine.checkpoint.hub_names import HubName
from bot.engine.checkpoint.source import ModelSource, local_source
from bot.engine.checkpoint.transfer_progress import TransferProgress, progress_bar_class
from bot.errors import UserError
from bot.files import hash_file

HUB_FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.txt", "*.model")
# subfolders, adapters, the same weights once more
HUB_LEFT_OUT = ("*/*", "adapter_*", "consolidated*", "pytorch_model*")
_SHA256 = re.compile("[0-9a-f]{64}")
_SPARE = 100 * 10**6  # bytes of the disk that stay free
_SHOWN = 8  # files of a repository that an error names

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _HubFile:
    """A file of a repository; `sha256` is its hash where it is large."""

    name: str
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class _Repository:
    """A repository at one commit; `blobs` is the cache's folder of its files by hash."""

    name: str
    commit: str
    blobs: Path
    files: tuple[_HubFile, ...]


def download_model(source: ModelSource, report: Report = lambda text: None) -> ModelSource:
    """Fetch a model that the hub has; `report` gets MB, rate and time left.

    Raises `UserError` when the hub cannot be reached, has no such model or the disk has no room. What was
    fetched until then is not fetched again.
    """
    from huggingface_hub import snapshot_download

    hub_name = HubName.of(source.name)
    with _explained(source):
        repository = _look_up(hub_name.repository)
        wanted = _wanted(hub_name, repository.files)
        _fetch_large(repository, wanted, source.name, report)
        folder = snapshot_download(repository.name, allow_patterns=[file.name for file in wanted])
    path = Path(folder) / wanted[0].name if hub_name.label else Path(folder)
    return replace(local_source(path, source.name), name=source.name)


def _look_up(name: str) -> _Repository:
    """Ask the hub for a repository's newest commit and its files."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.hf_api import RepoFile

    api = HfApi()
    commit = api.repo_info(name).sha or ""
    files = tuple(
        _HubFile(entry.path, entry.lfs.size, entry.lfs.sha256)
        if entry.lfs and _SHA256.fullmatch(entry.lfs.sha256)
        else _HubFile(entry.path, entry.size, None)
        for entry in api.list_repo_tree(name, recursive=True, revision=commit)
        if isinstance(entry, RepoFile)
    )
    blobs = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "blobs"
    return _Repository(name, commit, blobs, files)


def _wanted(hub_name: HubName, files: Sequence[_HubFile]) -> list[_HubFile]:
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


def _fetch_large(repository: _Repository, files: Sequence[_HubFile], name: str, report: Report) -> None:
    """Fetch the files that are known by their hash, in turn, into the cache."""
    large = [file for file in files if file.sha256 and not (repository.blobs / file.sha256).exists()]
    repository.blobs.mkdir(parents=True, exist_ok=True)
    progress = TransferProgress(name, sum(file.size for file in large), report)
    _check_disk(repository, large)
    for file in large:
        with FileLock(repository.blobs / f"{file.sha256}.lock"):
            _fetch(repository, file, progress)


def _fetch(repository: _Repository, file: _HubFile, progress: TransferProgress) -> None:
    """Fetch a file, or the rest of it; raises `OSError` where its content is not the hub's."""
    blob = repository.blobs / str(file.sha256)
    if blob.exists():  # by another process meanwhile
        return
    part = _part(repository, file)
    if part.exists() and part.stat().st_size > file.size:
        part.unlink()
    with part.open("ab") as target:
        bar_class = progress_bar_class(progress)
        fetch_file(repository.name, file.name, repository.commit, target, file.size, bar_class)
    if hash_file(part) != file.sha256:
        part.unlink()
        raise OSError(f"{file.name} has another content than the hub says")
    part.replace(blob)


def _part(repository: _Repository, file: _HubFile) -> Path:
    return repository.blobs / f"{file.sha256}.part"


def _check_disk(repository: _Repository, files: Sequence[_HubFile]) -> None:
    """Raise `OSError` where the disk has no room for what is missing of the files."""
    parts = [_part(repository, file) for file in files]
    there = sum(part.stat().st_size for part in parts if part.exists())
    missing = sum(file.size for file in files) - there
    if missing + _SPARE > shutil.disk_usage(repository.blobs).free:
        raise OSError(errno.ENOSPC, f"{missing / 1e6:,.0f} MB are missing")


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
