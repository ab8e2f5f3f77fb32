"""Validation of an untrusted adapter folder, before any library reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.adapter.files import CONFIG, CONFIG_BYTES
from bot.adapter.manifest import AdapterManifest, Text, read_manifest
from bot.engine.checkpoint.norm_fingerprint import norm_fingerprint
from bot.engine.checkpoint.source import ModelSource
from bot.engine.lora.config import LoraConfig, parse_config
from bot.engine.lora.layer_names import ShapeMismatch
from bot.engine.lora.module_names import LinearShapes
from bot.engine.lora.weights import AdapterWeights, read_weights
from bot.untrusted import RefusedFile, read_json


@dataclass(frozen=True, slots=True)
class BaseModelIdentity:
    """The identity of the running base model, which adapters must match."""

    name: str
    fingerprint: str
    shapes: LinearShapes
    source: ModelSource | None = None

    @property
    def norms(self) -> str:
        """The fingerprint of the norms, which copies of the model share; a GGUF file takes a second."""
        return norm_fingerprint(self.source) if self.source and self.source.path else ""


@dataclass(frozen=True, slots=True)
class AdapterFiles:
    """A validated folder: its matrices, and the scale of every module by its name in the file.

    `is_plain` is True where PEFT reads the folder as it is: each pair under its layer's own name, none beside
    them, and no pattern of names.
    """

    weights: AdapterWeights
    scales: Mapping[str, float]
    is_plain: bool


def validate_adapter(folder: Path, base: BaseModelIdentity, *, pinned: bool = True) -> AdapterFiles:
    """Read and check an adapter's folder; raises RefusedFile with the reason and the remedy.

    Of `manifest.json`, if it is there, these are compared: `base_hash` with the running model's fingerprint,
    or without it `base_model` with its name; and `adapter_sha256` with the weights. Another copy of the
    model, such as its GGUF file, has another fingerprint: it fits if it has the same name and `base_norms`.
    Without `pinned`, the manifest is not compared.
    """
    folder = folder.resolve()
    config = parse_config(read_json(folder, CONFIG, CONFIG_BYTES))
    manifest = read_manifest(folder) if pinned else AdapterManifest()
    _check_base(manifest, base)
    try:
        weights = read_weights(folder, config, base.shapes, base.source)
    except ShapeMismatch as misfit:
        raise _named(misfit, config, base) from None
    if manifest.adapter_sha256 not in (None, weights.sha256):
        raise RefusedFile("its weights are not those that its manifest names", "copy or train it again")
    scales = {matrix.module: config.scale(matrix.module) for matrix in weights.matrices}
    return AdapterFiles(weights, scales, weights.is_plain and config.targets is not None)


def _check_base(manifest: AdapterManifest, base: BaseModelIdentity) -> None:
    name, hash_ = manifest.base_model, manifest.base_hash
    if hash_ is None:
        fits = name is None or _same(name, base.name)
    else:
        fits = hash_ == base.fingerprint or (_same(name, base.name) and _is_copy(manifest, base))
    if not fits:
        raise RefusedFile(
            f"it was made for the base model {_tidy(name)} and {_tidy(base.name)} is running, "
            "or the weights of that model have changed",
            "set [model] name to its base model, train it again on this one, or remove its folder: then the "
            "base model speaks by itself",
        )


def _is_copy(manifest: AdapterManifest, base: BaseModelIdentity) -> bool:
    norms = manifest.base_norms
    return isinstance(norms, str) and norms != "" and norms == base.norms


def _named(misfit: ShapeMismatch, config: LoraConfig, base: BaseModelIdentity) -> RefusedFile:
    """Add the names of both models to the reason, where they differ."""
    if not config.base or _same(config.base, base.name):
        return misfit
    models = f"it was made for {_tidy(config.base)}, and {_tidy(base.name)} is running"
    return RefusedFile(f"{misfit.reason} ({models})", misfit.remedy)


def _same(one: Text, other: str) -> bool:
    return isinstance(one, str) and one.rstrip("/").lower() == other.rstrip("/").lower()


def _tidy(name: Text) -> str:
    """Return untrusted text fit for a message: printable, one line, at most 80 characters."""
    text = name if isinstance(name, str) else ""
    return re.sub(r"[^\w./+:-]+", " ", text).strip()[:80] or "(not named)"
