"""The base model with an adapter merged into its weights, in fp32."""

from typing import Any

import torch

from bot.config import ModelSettings
from bot.engine.checkpoint.source import locate_model, read_model_config
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.registry import linear_layers, linear_shapes, read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_loader import load_plan
from bot.engine.model_loader.load_failure import load_explained
from bot.engine.model_loader.load_plan import LoadPlan
from bot.errors import UserError
from training.adapters.persona_adapter import persona_adapter
from training.dataset.workspace import Workspace

_TIED = (
    "The adapter changes {}, which shares its weights with the embeddings, so that they cannot be merged: "
    "export it with --format peft."
)


def unquantized_plan(workspace: Workspace) -> LoadPlan:
    """Return the plan of the base model in fp32; converts a GGUF file first.

    Raises `UserError` for a model that is stored quantised.
    """
    source = locate_model(workspace.settings.model)
    if source.kind == "folder" and source.path and "quantization_config" in read_model_config(source.path):
        raise UserError(
            f"{source.name} is stored quantised, and this needs plain weights: set [model] name to a copy "
            "that is not, or export with --format peft."
        )
    return load_plan.plan_load(
        _fp32_settings(workspace), workspace.settings.data, progress=lambda stage: None
    )


def read_persona_adapter(workspace: Workspace, plan: LoadPlan, base_model: Any) -> LoadedAdapter:
    """Read the persona's adapter for the base model, and check it; raises `UserError`."""
    persona = workspace.persona
    base = BaseModelIdentity(plan.source.name, plan.fingerprint, linear_shapes(base_model), plan.source)
    return read_adapter(persona.key, persona_adapter(persona, base), base)


def merge_adapter(workspace: Workspace, plan: LoadPlan) -> Any:
    """Load the base model in fp32 and add scale * B A of the persona's adapter to each weight.

    Returns a model of transformers; raises `UserError`. Weights are [out, in], those of Conv1D [in, out].
    """
    merged = load_explained(plan, _fp32_settings(workspace))
    adapter, layers = read_persona_adapter(workspace, plan, merged), linear_layers(merged)
    refuse_tied_head(merged, adapter)
    for name, pair in adapter.pairs.items():
        weight = layers[name].weight
        assert isinstance(weight, torch.Tensor)
        change = pair.scale * (pair.b.float() @ pair.a.float())
        weight += change.T if type(layers[name]).__name__ == "Conv1D" else change
    return merged


def refuse_tied_head(base_model: Any, adapter: LoadedAdapter) -> None:
    """Raise `UserError` for an adapter of a head whose weights are also the embeddings."""
    if base_model.config.get_text_config().tie_word_embeddings and "lm_head" in adapter.pairs:
        raise UserError(_TIED.format("lm_head"))


def _fp32_settings(workspace: Workspace) -> ModelSettings:
    changes = {"precision": "fp32", "device": "cpu", "compile": False}
    return workspace.settings.model.model_copy(update=changes)
