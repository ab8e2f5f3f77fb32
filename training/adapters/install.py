"""An adapter takes its place in a persona's folder: whole, checked, and with a way back."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from filelock import FileLock

from bot.engine.lora.validation import CONFIG, CONFIG_BYTES
from bot.engine.lora.weights import WEIGHTS
from bot.engine.model_loader.adapter_check import AdapterCheck, inspect
from bot.errors import UserError
from bot.persona.persona import ADAPTERS
from bot.untrusted import MANIFEST, RefusedFile, read_json
from training.adapters.manifest import Origin, as_bytes, authors_of, describe
from training.dataset.workspace import BUILD_RECORD, Workspace, read_build_record
from training.store.atomic import write_private

HOME, NEW, PREVIOUS = ADAPTERS
DRAFT = "adapter.draft"  # being written, or being thrown away
LOCK = "adapter.lock"


def install(desk: Workspace, adapter: Path, run: Mapping[str, object], inherited: Iterable[str] = ()) -> Path:
    """Put the PEFT folder of a trained adapter, with a manifest, into personas/P/adapter/; returns that path.

    `run` is a summary of the training, as JSON. Its authors are those of the data and of the adapter that it
    was made from, if its folder has a manifest, and the `inherited` ones. What was there before is kept as
    adapter.previous. Raises `UserError`, with the one before still in its place, where the bot would not load
    it or something cannot be written.
    """
    has_data = (desk.work / BUILD_RECORD).exists()
    authors = {*inherited, *authors_of(adapter), *(read_build_record(desk.work).authors if has_data else ())}
    return put(desk, adapter, Origin(run, frozenset(authors)))


def put(desk: Workspace, adapter: Path, origin: Origin) -> Path:
    """The same for an adapter from anywhere."""
    home = place(desk)
    inspection = inspect(desk.settings.model, desk.settings.data)
    with FileLock(desk.folder / LOCK, mode=0o600):
        settle(desk.folder)
        try:
            _write(desk, adapter, inspection, origin)
            _swap(desk.folder)
        except OSError as error:
            raise UserError(
                f"{home} cannot be written: {error.strerror}; the adapter before is still there."
            ) from None
        finally:
            _discard(desk.folder / DRAFT)
    return home


def place(desk: Workspace) -> Path:
    """Where the persona's adapter goes; raises `UserError` if its persona.toml has the bot look elsewhere."""
    used = desk.persona.adapter
    if used is not None and used not in [desk.folder / name for name in ADAPTERS]:
        raise UserError(
            f"persona.toml has the adapter in {used.name}: drop the key `adapter`, so that {HOME}/ is used."
        )
    return desk.folder / HOME


def settle(folder: Path) -> None:
    """Finish what a process that was killed had begun: what is whole takes its place, what is not goes."""
    if (folder / NEW).exists():
        _swap(folder)
    elif not (folder / HOME).exists() and (folder / PREVIOUS).exists():
        (folder / PREVIOUS).rename(folder / HOME)
    _discard(folder / DRAFT)


def _write(desk: Workspace, adapter: Path, inspection: AdapterCheck, origin: Origin) -> None:
    """A whole and checked folder `adapter.new`."""
    draft = desk.folder / DRAFT
    draft.mkdir(mode=0o700)
    for name in (CONFIG, WEIGHTS):
        if not (adapter / name).is_file():
            raise UserError(f"{adapter} has no {name}: point to the folder that training wrote.")
    write_private(draft / CONFIG, [_config(adapter, inspection.base.name)])
    write_private(draft / WEIGHTS, [(adapter / WEIGHTS).read_bytes()])
    weights = hashlib.sha256((draft / WEIGHTS).read_bytes()).hexdigest()
    write_private(draft / MANIFEST, as_bytes(describe(desk, inspection.base, weights, origin)))
    inspection.check(desk.persona.key, draft)
    _sync(draft)
    draft.rename(desk.folder / NEW)
    _sync(desk.folder)


def _config(adapter: Path, base: str) -> bytes:
    """The adapter's settings, which name the base model by its name and not by a path of this machine."""
    try:
        told = read_json(adapter.resolve(), CONFIG, CONFIG_BYTES)
    except RefusedFile as refused:
        raise UserError(f"The adapter in {adapter} is refused: {refused.reason}; {refused.remedy}.") from None
    return msgspec.json.format(msgspec.json.encode(told | {"base_model_name_or_path": base}), indent=1)


def _swap(folder: Path) -> None:
    """`adapter.new` becomes the adapter, and that one the previous; where this fails, all is as before.

    Between the two steps there is no `adapter`; whoever looks then finds `adapter.new`.
    """
    home, new, previous, draft = (folder / name for name in (HOME, NEW, PREVIOUS, DRAFT))
    if home.exists():
        _discard(draft)
        if previous.exists():
            previous.rename(draft)
        home.rename(previous)
    try:
        new.rename(home)
    except OSError:
        for older, newer in ((previous, home), (draft, previous)):
            if older.exists():
                older.rename(newer)
        _discard(new)
        raise
    _sync(folder)
    _discard(draft)


def _discard(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)


def _sync(folder: Path) -> None:
    """Have a folder's entries on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
