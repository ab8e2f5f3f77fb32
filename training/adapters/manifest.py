"""The manifest of an adapter: what serving must match, where it comes from, and whose words are in it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

import bot
import training
from bot.adapter.manifest import AdapterManifest, Lineage, read_manifest
from bot.engine.lora.validation import BaseModelIdentity
from bot.errors import UserError
from bot.prompt.contract import prompt_contract
from bot.untrusted import RefusedFile
from training.dataset.base_tokenizer import open_training_format
from training.dataset.workspace import SETTINGS, Workspace, read_build_record

FORM = 1  # of a manifest


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an adapter comes from.

    `run` is what is to be known of its training, as JSON; `authors` are the pseudonyms of those whose words
    it holds; `adopted` is the base model that a foreign adapter names, None for one of our own.
    """

    run: Mapping[str, object]
    authors: frozenset[str]
    adopted: str | None = None


def describe(
    desk: Workspace, base: BaseModelIdentity, adapter_sha256: str, origin: Origin
) -> AdapterManifest:
    """A manifest for an adapter.

    What an adopted one was trained with is not known, so that only its base model must be matched.
    """
    made = AdapterManifest(
        form=FORM,
        base_model=base.name,
        base_hash=base.fingerprint,
        base_norms=base.norms,
        adapter_sha256=adapter_sha256,
        sampling=desk.persona.sampling.model_dump(mode="json"),
        code=code_hash(),
        run=origin.run,
        lineage=Lineage(origin.authors, origin.adopted),
    )
    if origin.adopted is not None:
        return made
    reader = open_training_format(desk.persona, desk.model, desk.settings.model, desk.model.context)
    has_data = (desk.work / SETTINGS).exists()
    data = read_build_record(desk.work) if has_data else None
    return replace(
        made,
        contract=prompt_contract(desk.persona, reader, desk.settings.chat.system_prompt),
        template=reader.template.source,
        data={"hashes": data.hashes, "window": data.window, "examples": data.train} if data else {},
        line_is_message=data.line_is_message if data else None,
    )


def authors_of(folder: Path) -> frozenset[str]:
    """The pseudonyms in the manifest of an adapter's folder; none where there is no manifest."""
    try:
        lineage = read_manifest(folder).lineage
    except RefusedFile as refused:
        raise UserError(f"The manifest in {folder} cannot be used: {refused.reason}.") from None
    return lineage.authors if lineage else frozenset()


def code_hash() -> str:
    """The SHA-256 of the code that makes prompts and trains: all of both packages."""
    digest = hashlib.sha256()
    for package in (bot, training):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def as_bytes(manifest: AdapterManifest) -> Iterable[bytes]:
    """The manifest as its file has it."""
    return [msgspec.json.format(msgspec.json.encode(manifest.as_json()), indent=1), b"\n"]
