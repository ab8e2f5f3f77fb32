"""The command `pull`: an adapter that `push` put on the hub, installed with its own manifest."""

import shlex
import shutil
from pathlib import Path

from bot.adapter.files import CONFIG, MANIFEST, WEIGHTS
from bot.engine.model_loader.adapter_check import open_adapter_check
from bot.errors import UserError
from training.adapters.hub import fetch_adapter
from training.adapters.install import install_with_manifest
from training.adapters.source import is_hub_name
from training.dataset.workspace import Workspace

_READ = "adapter.pulled"


def pull_adapter(workspace: Workspace, name: str) -> Path:
    """Install an adapter of the hub as the persona's own; return its home. Raises `UserError`.

    Base model and prompts must be those of its manifest.
    """
    if not is_hub_name(name):
        raise UserError(
            f"{name!r} is no name of a repository: write OWNER/NAME; `adopt` takes folders and files."
        )
    snapshot, read = fetch_adapter(name), workspace.folder / _READ
    missing = [each for each in (CONFIG, WEIGHTS, MANIFEST) if not (snapshot / each).exists()]
    if missing:
        raise UserError(
            f"{name} was not put on the hub by `push` ({missing[0]} is missing): `python -m training adopt "
            f"{name} --persona {shlex.quote(workspace.persona.key)}` takes it."
        )
    shutil.rmtree(read, ignore_errors=True)
    try:
        read.mkdir(mode=0o700)
        for each in (CONFIG, WEIGHTS, MANIFEST):
            shutil.copyfile(snapshot / each, read / each)
        check = open_adapter_check(workspace.settings.model, workspace.settings.data)
        return install_with_manifest(workspace, read, check)
    finally:
        shutil.rmtree(read, ignore_errors=True)
