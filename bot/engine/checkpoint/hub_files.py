"""Files of a repository on the hub: their list, and the large ones fetched into the hub's cache.

huggingface_hub (2.4) begins an interrupted file anew in the next process. Large files are fetched here, into
the cache's own place, so that they go on where they stopped, and are checked by their hash.
"""

import errno
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from bot.engine.checkpoint.hub_compat import fetch_file
from bot.engine.checkpoint.transfer_progress import TransferProgress, progress_bar_class
from bot.files import hash_file

_SHA256 = re.compile("[0-9a-f]{64}")
_SPARE = 100 * 10**6  # bytes of the disk that stay free

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository; `sha256` is its hash where it is large."""

    name: str
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit; `blobs` is the cache's folder of its files by hash."""

    name: str
    commit: str
    blobs: Path
    files: tuple[HubFile, ...]


def look_up(name: str) -> Repository:
    """Ask the hub for a repository's newest commit and its files."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.hf_api import RepoFile

    api = HfApi()
    commit = api.repo_info(name).sha or ""
    files = tuple(
        HubFile(entry.path, entry.lfs.size, entry.lfs.sha256)
        if entry.lfs and _SHA256.fullmatch(entry.lfs.sha256)
        else HubFile(entry.path, entry.size, None)
        for entry in api.list_repo_tree(name, recursive=True, revision=commit)
        if isinstance(entry, RepoFile)
    )
    blobs = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "blobs"
    return Repository(name, commit, blobs, files)


def fetch_large(repository: Repository, files: Sequence[HubFile], name: str, report: Report) -> None:
    """Fetch the files that are known by their hash, in turn, into the cache."""
    large = [file for file in files if file.sha256 and not (repository.blobs / file.sha256).exists()]
    repository.blobs.mkdir(parents=True, exist_ok=True)
    progress = TransferProgress(name, sum(file.size for file in large), report)
    _check_disk(repository, large)
    for file in large:
        with FileLock(repository.blobs / f"{file.sha256}.lock"):
            _fetch(repository, file, progress)


def _fetch(repository: Repository, file: HubFile, progress: TransferProgress) -> None:
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


def _part(repository: Repository, file: HubFile) -> Path:
    return repository.blobs / f"{file.sha256}.part"


def _check_disk(repository: Repository, files: Sequence[HubFile]) -> None:
    """Raise `OSError` where the disk has no room for what is missing of the files."""
    parts = [_part(repository, file) for file in files]
    there = sum(part.stat().st_size for part in parts if part.exists())
    missing = sum(file.size for file in files) - there
    if missing + _SPARE > shutil.disk_usage(repository.blobs).free:
        raise OSError(errno.ENOSPC, f"{missing / 1e6:,.0f} MB are missing")
