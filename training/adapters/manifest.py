"""The manifest that an adapter is installed with, written from the persona's workspace."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import bot
import training
from bot.adapter.manifest import AdapterManifest, Lineage, PromptContract, SpeakerNames, read_manifest
from bot.engine.lora.validation import BaseModelIdentity
from bot.errors import UserError
from bot.prompt.contract import prompt_contract
from bot.untrusted import RefusedFile
from training.dataset.base_tokenizer import open_training_format
from training.dataset.workspace import BUILD_RECORD, Workspace, read_build_record
from training.store.indented_json import encode_indented

FORM = 1  # version of the manifest


@dataclass(frozen=True, slots=True)
class AdapterOrigin:
    """The provenance of an adapter.

    `run` is a summary of its training, as JSON; `authors` are the pseudonyms of those whose words the adapter
    holds; `adopted` is the base model that a foreign adapter names, None for one of our own; `names` says
    when speakers' names stand in the prompts of a foreign one.
    """

    run: Mapping[str, object]
    authors: frozenset[str]
    adopted: str | None = None
    names: SpeakerNames | None = None


def build_manifest(
    workspace: Workspace, base: BaseModelIdentity, adapter_sha256: str, origin: AdapterOrigin
) -> AdapterManifest:
    """Return the manifest of an adapter whose weights file has the hash `adapter_sha256`.

    The prompts that an adopted adapter was trained with are not known, so that its manifest pins the base
    model, and of the prompts speakers' names alone.
    """
    manifest = AdapterManifest(
        form=FORM,
        base_model=base.name,
        base_hash=base.fingerprint,
        base_norms=base.norms,
        adapter_sha256=adapter_sha256,
        sampling=workspace.persona.sampling.model_dump(mode="json"),
        code=code_hash(),
        run=origin.run,
        lineage=Lineage(origin.authors, origin.adopted),
        contract=PromptContract(names=origin.names),
    )
    return manifest if origin.adopted is not None else _with_training(workspace, manifest)


def authors_of(folder: Path) -> frozenset[str]:
    """Return the pseudonyms in the manifest of an adapter's folder; empty without a manifest.

    Raises `UserError` for a manifest that is refused.
    """
    try:
        lineage = read_manifest(folder).lineage
    except RefusedFile as refused:
        raise UserError(f"The manifest in {folder} cannot be used: {refused.reason}.") from None
    return lineage.authors if lineage else frozenset()


def code_hash() -> str:
    """Return the SHA-256 of the code that makes prompts and trains: all Python files of both packages."""
    digest = hashlib.sha256()
    for package in (bot, training):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def encode_manifest(manifest: AdapterManifest) -> Iterable[bytes]:
    """Return the content of manifest.json in pieces."""
    return [encode_indented(manifest.as_json())]


def _with_training(workspace: Workspace, manifest: AdapterManifest) -> AdapterManifest:
    """Add the prompt contract, and a summary of the training data where they are still there."""
    reader = open_training_format(
        workspace.persona, workspace.model, workspace.settings.model, workspace.model.context
    )
    has_data = (workspace.work / BUILD_RECORD).exists()
    data = read_build_record(workspace.work) if has_data else None
    return replace(
        manifest,
        contract=prompt_contract(workspace.persona, reader, workspace.settings.chat.system_prompt),
        template=reader.template.source,
        data={"hashes": data.hashes, "window": data.window, "examples": data.train} if data else {},
        line_is_message=data.line_is_message if data else None,
    )
