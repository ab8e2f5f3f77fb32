"""Stale data: train.jsonl and held.jsonl whose sources changed after they were built."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from bot.errors import UserError
from bot.files import hash_file
from training.dataset.splits import TRAIN, VALIDATION
from training.dataset.workspace import BuildRecord, read_build_record
from training.store.forgotten_names import FORGOTTEN_NAMES
from training.store.lists import CONSENT, KEEP, OPT_OUTS, WORDS
from training.store.messages import MESSAGES
from training.store.selves import SELVES

DOCUMENTS = "documents"
_SOURCES = (MESSAGES, SELVES, OPT_OUTS, FORGOTTEN_NAMES, CONSENT, WORDS, KEEP)
_NOTHING = hashlib.sha256().hexdigest()


def source_hashes(work: Path) -> dict[str, str]:
    """Return the SHA-256 of all files that data are made of, by name; the documents have one together.

    A missing file has the hash of an empty one.
    """
    hashes = {name: hash_file(work / name, missing_ok=True) for name in _SOURCES}
    return hashes | {DOCUMENTS: _hash_documents(work.parent / DOCUMENTS)}


def split_hashes(work: Path) -> dict[str, str]:
    """Return the SHA-256 of train.jsonl and held.jsonl, as `source_hashes` does."""
    return {name: hash_file(work / name, missing_ok=True) for name in (TRAIN, VALIDATION)}


def changed_files(work: Path, recorded: Mapping[str, str]) -> list[str]:
    """Return the names of the sources that are not those that a build recorded.

    Data that a person edited after the build are that person's decision.
    Records of version 0.1.0 name three files; nobody had opted out then. A missing messages.jsonl is no
    change: data may be trained on a machine that the messages never reach.
    """
    known, now = {OPT_OUTS: _NOTHING, **recorded}, source_hashes(work)
    changed = [name for name, found in now.items() if known.get(name, found) != found]
    return [name for name in changed if name != MESSAGES or (work / MESSAGES).exists()]


def read_current_build(work: Path) -> BuildRecord:
    """Return work/data.json. Raises `UserError` where there is none, or the data are stale."""
    record = read_build_record(work)
    if changed := changed_files(work, record.hashes):
        raise UserError(
            f"The data in {work} are stale, since {' and '.join(changed)} changed after they were built: "
            f"python -m training build --persona {work.parent.name}"
        )
    return record


def _hash_documents(folder: Path) -> str:
    """Return the hash of the names and contents of all documents."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.is_symlink():
            digest.update(f"{path.relative_to(folder).as_posix()}\0{hash_file(path)}\n".encode())
    return digest.hexdigest()
