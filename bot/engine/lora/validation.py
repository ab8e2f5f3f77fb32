"""Validation of an untrusted adapter folder, before any library reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.adapter.base_match import Fit, base_fit, same_name, tidy_name
from bot.adapter.files import CONFIG, CONFIG_BYTES
from bot.adapter.manifest import AdapterManifest, read_manifest
from bot.engine.checkpoint.norm_fingerprint import norm_fingerprint
from bot.engine.checkpoint.source import ModelSource
from bot.engine.lora.config import LoraConfig, parse_config
from bot.engine.lora.layer_names import ShapeMismatch
from bot.engine.lora.module_names import LinearShapes
from bot.engine.lora.weights import AdapterWeights, check_layers, read_weights
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

    def other_base(self, folder: Path) -> str:
        """Return the base model that an adapter without a manifest names, where this one's layers misfit.

        Returns "" where they fit, and for a folder that is refused for another reason.
        """
        folder, name = folder.resolve(), ""
        try:
            config = parse_config(read_json(folder, CONFIG, CONFIG_BYTES))
            name = "" if same_name(config.base, self.name) else config.base
            if name:
                check_layers(folder, config, self.shapes)
        except ShapeMismatch:
            return tidy_name(name)
        except RefusedFile:
            return ""
        return ""


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

    Of `manifest.json`, if it is there, the base model is compared with the running one (`base_fit`), and
    `adapter_sha256` with the weights. Without `pinned`, the manifest is not compared.
    """
    folder = folder.resolve()
    manifest = read_manifest(folder) if pinned else AdapterManifest()
    _check_base(manifest, base)
    config = parse_config(read_json(folder, CONFIG, CONFIG_BYTES))
    try:
        weights = read_weights(folder, config, base.shapes, base.source)
    except ShapeMismatch as misfit:
        raise _named(misfit, config, base) from None
    if manifest.adapter_sha256 not in (None, weights.sha256):
        raise RefusedFile("its weights are not those that its manifest names", "copy or train it again")
    scales = {matrix.module: config.scale(matrix.module) for matrix in weights.matrices}
    return AdapterFiles(weights, scales, weights.is_plain and config.targets is not None)


def _check_base(manifest: AdapterManifest, base: BaseModelIdentity) -> None:
    if base_fit(manifest, base) is Fit.NONE:
        raise RefusedFile(
            f"it was made for the base model {tidy_name(manifest.base_model)} and {tidy_name(base.name)} is "
            "running, or the weights of that model have changed",
            "set [model] name to its base model, train it again on this one, or remove its folder: then the "
            "base model speaks by itself",
        )


def _named(misfit: ShapeMismatch, config: LoraConfig, base: BaseModelIdentity) -> RefusedFile:
    """Add the names of both models to the reason, where they differ."""
    if not config.base or same_name(config.base, base.name):
        return misfit
    models = f"it was made for {tidy_name(config.base)}, and {tidy_name(base.name)} is running"
    return RefusedFile(f"{misfit.reason} ({models})", misfit.remedy)
