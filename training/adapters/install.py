"""Installation of an adapter as a persona's own: whole, checked, and with the adapter before kept."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from bot.adapter.base_match import ServedBase
from bot.adapter.choice import choose_adapter
from bot.adapter.files import CONFIG, CONFIG_BYTES, MANIFEST, WEIGHTS
from bot.adapter.folders import DRAFT, HOME, NEW, PREVIOUS, folder_in, other_slots, slot_for, slot_of
from bot.engine.model_loader.adapter_check import AdapterCheck, open_adapter_check
from bot.errors import UserError
from bot.files import FolderSwap, hash_file, recover_folder, replace_folder, write_private
from bot.persona.persona import load_persona
from bot.prompt.contract import check_serving
from bot.untrusted import RefusedFile, read_json
from training.adapters.manifest import AdapterOrigin, authors_of, build_manifest, encode_manifest
from training.dataset.workspace import BUILD_RECORD, Workspace, read_build_record
from training.store.indented_json import encode_indented

LOCK = "adapter.lock"


def install_adapter(
    workspace: Workspace, adapter: Path, run: Mapping[str, object], inherited: Iterable[str] = ()
) -> Path:
    """Copy the PEFT folder of a trained adapter, with a manifest, into the persona's folder; return its home.

    `run` is a summary of the training, as JSON. The manifest names the authors of the data, those of the
    adapter that the training continued, if its folder has a manifest, and the `inherited` ones. An adapter
    for the same base model is replaced and kept as `.previous`; one for another base model stays as it is.
    Raises `UserError`, with the adapter before still in its place, where the bot would not load the new one
    or a file cannot be written.
    """
    has_data = (workspace.work / BUILD_RECORD).exists()
    own = read_build_record(workspace.work).authors if has_data else ()
    authors = frozenset({*inherited, *authors_of(adapter), *own})
    return install_from(workspace, adapter, AdapterOrigin(run, authors))


def install_from(
    workspace: Workspace, adapter: Path, origin: AdapterOrigin, check: AdapterCheck | None = None
) -> Path:
    """Install an adapter of any origin, as `install_adapter` does; `check`: one that is open already."""
    inspection = check or open_adapter_check(workspace.settings.model, workspace.settings.data)

    def write(draft: Path) -> None:
        _write_adapter(draft, adapter, inspection)
        manifest = build_manifest(workspace, inspection.base, hash_file(draft / WEIGHTS), origin)
        write_private(draft / MANIFEST, encode_manifest(manifest))
        inspection.check_adapter(workspace.persona.key, draft)

    return _install(workspace, inspection, write)


def install_with_manifest(workspace: Workspace, adapter: Path, check: AdapterCheck) -> Path:
    """Install an adapter with the manifest that it has, as `install_adapter` does.

    Raises `UserError` where base model or prompts are not those of the manifest.
    """
    settings, key = workspace.settings, workspace.persona.key

    def write(draft: Path) -> None:
        _write_adapter(draft, adapter, check)
        write_private(draft / MANIFEST, [(adapter / MANIFEST).read_bytes()])
        check.check_adapter(key, draft)
        served = replace(workspace.persona, adapter=draft)
        check_serving(served, check.tokenizer, settings.model, settings.chat.system_prompt)

    return _install(workspace, check, write)


def _install(workspace: Workspace, inspection: AdapterCheck, write: Callable[[Path], None]) -> Path:
    """Let `write` fill and check a draft, and put it in the place of the persona's adapter."""
    with FileLock(workspace.folder / LOCK, mode=0o600):
        home = adapter_home(workspace, inspection.base)
        try:
            return replace_folder(_swap(home), write)
        except OSError as error:
            raise UserError(
                f"{home} cannot be written: {error.strerror}; the adapter before is still there."
            ) from None


def adapter_home(workspace: Workspace, base: ServedBase) -> Path:
    """Return the folder for the persona's adapter of a base model.

    It is that of an adapter which fits the base model; without one adapter/, if it is free, else one in
    adapters/. Raises `UserError` if persona.toml names a folder elsewhere for this base model.
    """
    folder, key = workspace.folder, workspace.persona.key
    persona = load_persona(folder)
    chosen = choose_adapter(key, persona.adapters, base).adapter
    if chosen is not None and slot_of(chosen) not in (folder / HOME, *other_slots(folder)):
        raise UserError(
            f"persona.toml has the adapter in {chosen.name}: drop the key `adapter`, so that {HOME}/ is used."
        )
    if chosen is not None:
        return slot_of(chosen)
    is_free = persona.adapter is None and folder_in(folder / HOME) is None
    return folder / HOME if is_free else slot_for(folder, base.name, base.fingerprint)


def kept_line(home: Path) -> str:
    """Return a last line of a message about the adapter that the one in `home` replaced, or ""."""
    previous = home.with_name(home.name + PREVIOUS)
    return f"\nThe adapter before is kept in {previous}." if previous.is_dir() else ""


def recover_install(folder: Path) -> None:
    """Finish the installations that a killed process began in a persona's folder, or undo them.

    Raises `UserError` where a file there cannot be renamed.
    """
    for home in (folder / HOME, *other_slots(folder)):
        try:
            recover_folder(_swap(home))
        except OSError as error:
            raise UserError(f"{home} cannot be written: {error.strerror}.") from None


def _swap(home: Path) -> FolderSwap:
    draft, ready, previous = (home.with_name(home.name + end) for end in (DRAFT, NEW, PREVIOUS))
    return FolderSwap(home, draft, ready, previous, keeps_previous=True)


def _write_adapter(draft: Path, adapter: Path, inspection: AdapterCheck) -> None:
    """Fill a draft with the two files of an adapter."""
    for name in (CONFIG, WEIGHTS):
        if not (adapter / name).is_file():
            raise UserError(f"{adapter} has no {name}: point to the folder that training wrote.")
    write_private(draft / CONFIG, [_config(adapter, inspection.base.name)])
    write_private(draft / WEIGHTS, [(adapter / WEIGHTS).read_bytes()])


def _config(adapter: Path, base: str) -> bytes:
    """Return adapter_config.json with the base model's name in place of a path of this machine."""
    try:
        config = read_json(adapter.resolve(), CONFIG, CONFIG_BYTES)
    except RefusedFile as refused:
        raise UserError(f"The adapter in {adapter} is refused: {refused.reason}; {refused.remedy}.") from None
    return encode_indented(config | {"base_model_name_or_path": base})
