"""The steps of `make` whose results are there and current, so that they need not be done again."""

import hashlib
from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bot.adapter.base_match import ServedBase
from bot.adapter.choice import choose_adapter
from bot.adapter.files import WEIGHTS
from bot.adapter.manifest import read_manifest
from bot.errors import UserError
from bot.files import hash_file, write_private
from bot.persona.persona import Persona
from training.commands.import_options import option_words
from training.dataset.selection import Limits
from training.dataset.splits import TRAIN, VALIDATION
from training.dataset.staleness import read_current_build
from training.dataset.workspace import BuildRecord, Workspace
from training.planning.recipe import Recipe
from training.runs.run_config import has_options
from training.store.indented_json import encode_indented
from training.store.messages import MESSAGES
from training.tokenization import cache

MAKE_RECORD = "make.json"


class _ReportKey(msgspec.Struct):
    """The fields of report.json that tell what was evaluated."""

    adapter_sha256: str
    data: dict[str, str]
    samples: int
    exceeded: tuple[str, ...] = ()


def is_imported(work: Path, options: Namespace) -> bool:
    """Return whether the exports of this command line were imported, and have not changed since."""
    try:
        record = msgspec.json.decode((work / MAKE_RECORD).read_bytes(), type=dict[str, str])
    except (OSError, ValueError):
        return False
    return (work / MESSAGES).exists() and record.get("exports") == _exports_key(options)


def record_import(work: Path, options: Namespace) -> None:
    """Note that the exports of this command line were imported."""
    write_private(work / MAKE_RECORD, [encode_indented({"exports": _exports_key(options)})])


def current_build(workspace: Workspace, window: int, limits: Limits) -> BuildRecord | None:
    """Return the record of the data, if they were built within these limits and nothing has changed since.

    `window` is in tokens; 0 takes any.
    """
    try:
        record = read_current_build(workspace.work)
    except UserError:
        return None
    built = Limits(
        record.per_chat,
        near_duplicates=record.near_duplicates,
        repeats=record.repeats,
        test_size=record.test_size,
    )
    is_same = (record.model, built) == (workspace.model.name, limits)
    is_whole = all((workspace.work / name).exists() for name in (TRAIN, VALIDATION))
    return record if is_same and is_whole and window in (0, record.window) else None


def trained_adapter(workspace: Workspace, persona: Persona, base: ServedBase) -> Path | None:
    """Return the persona's adapter for a base model, if it learned the data as they are and is whole."""
    adapter = choose_adapter(persona.key, persona.adapters, base).adapter
    if adapter is None or not (adapter / WEIGHTS).is_file():
        return None
    manifest = read_manifest(adapter)
    record = _run_record(manifest.run or {})
    learned = record.get("data") == encoded_hashes(workspace, read_current_build(workspace.work))
    is_whole = manifest.adapter_sha256 == hash_file(adapter / WEIGHTS)
    return adapter if learned and is_whole and _as_set(record, persona) else None


def encoded_hashes(workspace: Workspace, record: BuildRecord) -> dict[str, str]:
    """Return the hashes of data, model, card and window that a run's recipe.json has."""
    serving = workspace.serving(record.window)
    files = (
        (name, cache.open_encoded(workspace.work, name, serving, workspace.model, record.window))
        for name in (TRAIN, VALIDATION)
    )
    return {name: cache.hash_in_name(path) for name, path in files}


def evaluated_limits(workspace: Workspace, adapter: Path, samples: int) -> tuple[str, ...] | None:
    """Return the limits that the adapter is over, by the report of these data and so many answers.

    Returns None where there is no such report.
    """
    from training.evaluation.report import JSON  # loads scipy and scikit-learn

    try:
        report = msgspec.json.decode((workspace.work / JSON).read_bytes(), type=_ReportKey)
    except (OSError, ValueError):
        return None
    data = {name: hash_file(workspace.work / name, missing_ok=True) for name in (TRAIN, VALIDATION)}
    weights = hash_file(adapter / WEIGHTS)
    is_same = (report.adapter_sha256, report.data) == (weights, data) and report.samples >= samples
    return report.exceeded if is_same else None


def _run_record(run: Mapping[str, object]) -> Mapping[str, Any]:
    record = run.get("record")
    return record if isinstance(record, dict) else {}


def _as_set(record: Mapping[str, Any], persona: Persona) -> bool:
    """Return whether a run had the values that persona.toml sets now."""
    try:
        recipe = msgspec.convert(record.get("recipe"), Recipe)
    except msgspec.ValidationError:
        return False
    return has_options(recipe, persona.training)


def _exports_key(options: Namespace) -> str:
    """Return a hash of the exports' files by name, size and time, and of the options of their import."""
    digest = hashlib.sha256(repr(option_words(options)).encode())
    for path in options.paths:
        for file in filter(Path.exists, _files(path.expanduser())):
            status = file.stat()
            digest.update(
                f"{file.absolute()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode("utf-8", "replace")
            )
    return digest.hexdigest()


def _files(path: Path) -> Iterable[Path]:
    return sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
