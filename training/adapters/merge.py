"""An adapter folded into its base model: onto plain weights, in fp32."""

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from bot.config import ModelSettings
from bot.engine.checkpoint.source import LOCAL_ONLY, locate_model, read_model_config
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.registry import linear_layers, read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_loader import loader
from bot.engine.model_loader.loader import LoadPlan
from bot.errors import UserError
from training.dataset.workspace import Workspace

_TIED = (
    "The adapter changes {}, which shares its weights with the embeddings, so that they cannot be merged: "
    "export it with --format peft."
)


def plain_plan(desk: Workspace) -> LoadPlan:
    """The base model in fp32, of which a GGUF file's copy is made first; raises `UserError`."""
    source = locate_model(desk.settings.model)
    if source.kind == "folder" and source.path and "quantization_config" in read_model_config(source.path):
        raise UserError(
            f"{source.name} is stored quantised, and this needs plain weights: set [model] name to a copy "
            "that is not, or export with --format peft."
        )
    return loader.plan_load(_plainly(desk), desk.settings.data, progress=lambda stage: None)


def outline(found: LoadPlan) -> Any:
    """The base model without its weights."""
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(found.folder, **LOCAL_ONLY))


def read(desk: Workspace, found: LoadPlan, base_model: Any) -> LoadedAdapter:
    """The persona's adapter, checked against the base model; raises `UserError`."""
    if desk.persona.adapter is None:
        raise UserError(f"{desk.persona.key} has no adapter: `python -m training train` makes one.")
    base = BaseModelIdentity(
        found.source.name, found.fingerprint, loader.read_linear_shapes(base_model), found.source
    )
    return read_adapter(desk.persona.key, desk.persona.adapter, base)


def merge(desk: Workspace, found: LoadPlan) -> Any:
    """The base model in fp32 with the persona's adapter in its weights, as transformers has it."""
    merged = loader.load_weights(found, _plainly(desk))
    known, layers = read(desk, found, merged), linear_layers(merged)
    check_tied(merged, known)
    for name, pair in known.pairs.items():
        weight = layers[name].weight
        assert isinstance(weight, torch.Tensor)
        change = pair.scale * (pair.b.float() @ pair.a.float())
        weight += change.T if type(layers[name]).__name__ == "Conv1D" else change
    return merged


def check_tied(base_model: Any, known: LoadedAdapter) -> None:
    """Refuse an adapter of a layer whose weights are also the embeddings."""
    if base_model.config.get_text_config().tie_word_embeddings and "lm_head" in known.pairs:
        raise UserError(_TIED.format("lm_head"))


def _plainly(desk: Workspace) -> ModelSettings:
    changes = {"precision": "fp32", "device": "cpu", "compile": False}
    return desk.settings.model.model_copy(update=changes)
