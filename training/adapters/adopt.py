"""The command `adopt`: a foreign LoRA adapter, checked, rewritten and installed as a persona's own."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bot.adapter.manifest import read_manifest
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
    """The folder of an adopted adapter, its config's base model, and a line on what was left out."""

    home: Path
    base: str
    left_out: str = ""


def adopt_adapter(workspace: Workspace, adapter: str | Path, gaps: ConfigGaps = _NO_GAPS) -> AdoptedAdapter:
    """Install a LoRA adapter, by its path or its name on the hub, as the persona's.

    Raises `UserError` that names its fault. No code of the adapter is run, and the persona's folder is not
    changed before the adapter has passed every check of the bot. The prompts it was trained with are not
    known, so that its manifest pins the base model alone.
    """
    draft, read = workspace.folder / _DRAFT, workspace.folder / _READ
    try:
        with open_foreign_adapter(workspace, adapter, gaps, read) as foreign:
            check = open_adapter_check(workspace.settings.model, workspace.settings.data)
            base = rewrite_adapter(foreign, draft, check.base)
            origin = AdapterOrigin(
                read_manifest(foreign.folder).run or {}, authors_of(foreign.folder), adopted=base
            )
            home = install_from(workspace, draft, origin, check)
            return AdoptedAdapter(home, base, foreign.left_out_line())
    finally:
        shutil.rmtree(draft, ignore_errors=True)
