"""The command `adopt`: a foreign LoRA adapter, checked, rewritten and installed as a persona's own."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bot.adapter.manifest import SpeakerNames, read_manifest, trained_names
from bot.engine.model_loader.adapter_check import open_adapter_check
from training.adapters.foreign import ConfigGaps
from training.adapters.install import install_from
from training.adapters.intake import open_foreign_adapter, rewrite_adapter
from training.adapters.manifest import AdapterOrigin, authors_of
from training.dataset.workspace import Workspace

_DRAFT, _READ = "adapter.foreign", "adapter.foreign.read"
_NO_GAPS = ConfigGaps()


@dataclass(frozen=True, slots=True)
class AdoptedAdapter:
    """The folder of an adopted adapter, its base model, its rule for names, and a line on the rest."""

    home: Path
    base: str
    names: SpeakerNames
    left_out: str = ""


def adopt_adapter(
    workspace: Workspace,
    adapter: str | Path,
    gaps: ConfigGaps = _NO_GAPS,
    names: SpeakerNames | None = None,
) -> AdoptedAdapter:
    """Install a LoRA adapter, by its path or its name on the hub, as the persona's.

    Raises `UserError` that names its fault. No code of the adapter is run, and the persona's folder is not
    changed before the adapter has passed every check of the bot. The prompts it was trained with are not
    known, so that its manifest pins the base model and, of the prompts, speakers' names alone: those that
    `names` or its manifest says, else "groups", since other projects write no names before a single person's
    words.
    """
    draft, read = workspace.folder / _DRAFT, workspace.folder / _READ
    try:
        with open_foreign_adapter(workspace, adapter, gaps, read) as foreign:
            check = open_adapter_check(workspace.settings.model, workspace.settings.data)
            base = rewrite_adapter(foreign, draft, check.base)
            before = read_manifest(foreign.folder)
            rule = names or trained_names(before) or "groups"
            origin = AdapterOrigin(before.run or {}, authors_of(foreign.folder), adopted=base, names=rule)
            home = install_from(workspace, draft, origin, check)
            return AdoptedAdapter(home, base, rule, foreign.left_out_line())
    finally:
        shutil.rmtree(draft, ignore_errors=True)
