"""The manifest of an adapter: what serving must match, where it comes from, and whose words are in it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

import bot
import training
from bot.engine.lora.validation import BaseModelIdentity
from bot.errors import UserError
from bot.prompt.contract import prompt_contract
from bot.untrusted import RefusedFile, read_manifest
from training.dataset.base_tokenizer import open_training_format
from training.dataset.workspace import BUILD_RECORD, Workspace, read_build_record

FORM = 1  # of a manifest
Manifest = dict[str, object]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an adapter comes from.

    `run` is what is to be known of its training, as JSON; `authors` are the pseudonyms of those whose words
    it holds; `adopted` is the base model that a foreign adapter names, None for one of our own.
    """

    run: Mapping[str, object]
    authors: frozenset[str]
    adopted: str | None = None


def describe(desk: Workspace, base: BaseModelIdentity, adapter_sha256: str, origin: Origin) -> Manifest:
    """A manifest for an adapter, as JSON.

    What an adopted one was trained with is not known, so that only its base model must be matched.
    """
    made: Manifest = {
        "form": FORM,
        "base_model": base.name,
        "base_hash": base.fingerprint,
        "base_norms": base.norms,
        "adapter_sha256": adapter_sha256,
        "sampling": desk.persona.sampling.model_dump(mode="json"),
        "code": code_hash(),
        "run": dict(origin.run),
        "lineage": {"authors": sorted(origin.authors)},
    }
    if origin.adopted is not None:
        return made | {"lineage": {"authors": sorted(origin.authors), "adopted": origin.adopted}}
    reader = open_training_format(desk.persona, desk.model, desk.settings.model, desk.model.context)
    served = prompt_contract(desk.persona, reader, desk.settings.chat.system_prompt).as_json()
    return made | served | {"template": reader.template.source} | _data(desk)


def authors_of(folder: Path) -> frozenset[str]:
    """The pseudonyms in the manifest of an adapter's folder; none where there is no manifest."""
    try:
        lineage = read_manifest(folder).get("lineage")
    except RefusedFile as refused:
        raise UserError(f"The manifest in {folder} cannot be used: {refused.reason}.") from None
    told = lineage.get("authors") if isinstance(lineage, dict) else None
    return frozenset(map(str, told)) if isinstance(told, list) else frozenset()


def code_hash() -> str:
    """The SHA-256 of the code that makes prompts and trains: all of both packages."""
    digest = hashlib.sha256()
    for package in (bot, training):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def as_bytes(manifest: Manifest) -> Iterable[bytes]:
    """The manifest as its file has it."""
    return [msgspec.json.format(msgspec.json.encode(manifest), indent=1), b"\n"]


def _data(desk: Workspace) -> Manifest:
    """What the data were, where they are still there."""
    if not (desk.work / BUILD_RECORD).exists():
        return {"data": {}}
    made = read_build_record(desk.work)
    return {
        "data": {"hashes": made.hashes, "window": made.window, "examples": made.train},
        "line_is_message": made.line_is_message,
    }
