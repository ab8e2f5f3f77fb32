"""The command `push`: an adapter to the hub with a model card, after an explicit yes; never any data."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.adapter.files import CONFIG, CONFIG_BYTES, MANIFEST, MANIFEST_BYTES, WEIGHTS
from bot.engine.checkpoint.hub_names import is_repository_name
from bot.errors import UserError
from bot.files import write_private
from bot.system.console import write_line
from bot.untrusted import read_json
from training.adapters.export import ExportOptions, export_adapter
from training.adapters.hub import hub_errors
from training.adapters.machine_paths import without_model_folders
from training.adapters.model_card import model_card
from training.dataset.workspace import Workspace
from training.store.indented_json import encode_indented

CARD = "README.md"


@dataclass(frozen=True, slots=True)
class PushOptions:
    """`yes` is consent; `public` lets everybody read; `adapter` is another one than the persona's own."""

    yes: bool = False
    public: bool = False
    adapter: Path | None = None


def push_adapter(workspace: Workspace, name: str, options: PushOptions) -> str:
    """Put an adapter's files and a model card into a repository of the hub; return a message.

    Four files go there and no other: matrices, config, manifest and card. Raises `UserError`.
    """
    _check(workspace.persona.name, name, options)
    with TemporaryDirectory(prefix="alterego-push-") as place:
        folder = Path(place) / "adapter"
        export_adapter(workspace, "peft", folder, ExportOptions(adapter=options.adapter))
        _tidy(folder)
        config = read_json(folder, CONFIG, CONFIG_BYTES)
        manifest = _read_manifest(folder)
        card = model_card(workspace.persona.name, name, config, manifest)
        write_private(folder / CARD, [card.encode()])
        size = sum(path.stat().st_size for path in folder.iterdir())
        with hub_errors(name, "write"):
            _check_token()
            write_line(f"sending {size / 1e6:,.1f} MB to {name}", sys.stderr)
            address = _upload(folder, name, options.public)
    readers = "everybody can read it" if options.public else "private: you alone can read it"
    return f"the adapter of {workspace.persona.key} is at {address} ({readers})"


def _check(persona: str, name: str, options: PushOptions) -> None:
    if not is_repository_name(name):
        raise UserError(f"{name!r} is no name of a repository: write OWNER/NAME.")
    if not options.yes:
        readers = ", for everybody to read" if options.public else " (private; --public is for everybody)"
        raise UserError(
            "An adapter can give out words and facts of the people whose messages it learned, and its "
            f"manifest holds the card of {persona}: look at `evaluate`, ask them, and say --yes to put it on "
            f"the hub{readers}."
        )


def _tidy(folder: Path) -> None:
    """Leave the folders of this machine out of the names of models."""
    for file, limit in ((CONFIG, CONFIG_BYTES), (MANIFEST, MANIFEST_BYTES)):
        if (folder / file).exists():
            write_private(
                folder / file, [encode_indented(without_model_folders(read_json(folder, file, limit)))]
            )


def _read_manifest(folder: Path) -> Mapping[str, Any]:
    return read_json(folder, MANIFEST, MANIFEST_BYTES) if (folder / MANIFEST).exists() else {}


def _check_token() -> None:
    from huggingface_hub import get_token

    if get_token() is None:
        raise UserError(
            "The hub takes no files without a token: run `hf auth login`, or set HF_TOKEN in the environment."
        )


def _upload(folder: Path, name: str, public: bool) -> str:
    """Make the repository, or take the one there, and commit the files; return its address."""
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    api = HfApi()
    try:
        is_private = bool(api.repo_info(name).private)
    except RepositoryNotFoundError:
        api.create_repo(name, private=not public)
        is_private = not public
    if not is_private and not public:
        raise UserError(
            f"Everybody can read {name} on the hub: make it private there, or say --public as well."
        )
    files = [each for each in (CARD, CONFIG, MANIFEST, WEIGHTS) if (folder / each).exists()]
    additions = [CommitOperationAdd(each, folder / each) for each in files]
    api.create_commit(name, additions, commit_message="LoRA adapter of a persona")
    return f"{api.endpoint}/{name}"
