"""An adapter takes its place in a persona's folder: whole, checked, and with a way back."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from filelock import FileLock

from bot.adapter.files import CONFIG, CONFIG_BYTES, MANIFEST, WEIGHTS
from bot.engine.model_loader.adapter_check import AdapterCheck, inspect
from bot.errors import UserError
from bot.files import FolderSwap, hash_file, recover_folder, replace_folder, write_private
from bot.persona.persona import ADAPTERS
from bot.untrusted import RefusedFile, read_json
from training.adapters.manifest import Origin, as_bytes, authors_of, describe
from training.dataset.workspace import SETTINGS, Workspace, read_build_record

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
    has_data = (desk.work / SETTINGS).exists()
    authors = {*inherited, *authors_of(adapter), *(read_build_record(desk.work).authors if has_data else ())}
    return put(desk, adapter, Origin(run, frozenset(authors)))


def put(desk: Workspace, adapter: Path, origin: Origin) -> Path:
    """The same for an adapter from anywhere."""
    home = place(desk)
    inspection = inspect(desk.settings.model, desk.settings.data)
    with FileLock(desk.folder / LOCK, mode=0o600):
        try:
            return replace_folder(
                _swap(desk.folder), lambda draft: _write(desk, draft, adapter, inspection, origin)
            )
        except OSError as error:
            raise UserError(
                f"{home} cannot be written: {error.strerror}; the adapter before is still there."
            ) from None


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
    recover_folder(_swap(folder))


def _swap(folder: Path) -> FolderSwap:
    home, new, previous, draft = (folder / name for name in (HOME, NEW, PREVIOUS, DRAFT))
    return FolderSwap(home, draft, new, previous, keeps_previous=True)


def _write(desk: Workspace, draft: Path, adapter: Path, inspection: AdapterCheck, origin: Origin) -> None:
    """Fill a draft with an adapter and its manifest, and check it as the bot does."""
    for name in (CONFIG, WEIGHTS):
        if not (adapter / name).is_file():
            raise UserError(f"{adapter} has no {name}: point to the folder that training wrote.")
    write_private(draft / CONFIG, [_config(adapter, inspection.base.name)])
    write_private(draft / WEIGHTS, [(adapter / WEIGHTS).read_bytes()])
    manifest = describe(desk, inspection.base, hash_file(draft / WEIGHTS), origin)
    write_private(draft / MANIFEST, as_bytes(manifest))
    inspection.check(desk.persona.key, draft)


def _config(adapter: Path, base: str) -> bytes:
    """The adapter's settings, which name the base model by its name and not by a path of this machine."""
    try:
        told = read_json(adapter.resolve(), CONFIG, CONFIG_BYTES)
    except RefusedFile as refused:
        raise UserError(f"The adapter in {adapter} is refused: {refused.reason}; {refused.remedy}.") from None
    return msgspec.json.format(msgspec.json.encode(told | {"base_model_name_or_path": base}), indent=1)
