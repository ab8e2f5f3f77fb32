"""Loading of the base model: find its files, convert them once where needed, never run code of theirs."""

import logging
from collections.abc import Mapping
from ctypes import CDLL
from dataclasses import dataclass
from typing import Any

import torch
import transformers

from bot.config import ModelSettings
from bot.engine.attention.kv_cache import MIN_CAPACITY
from bot.engine.checkpoint.damage import explained_damage
from bot.engine.checkpoint.source import WEIGHTS_ONLY, ModelSource, check_weights, read_model_config
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader.load_plan import LoadPlan
from bot.engine.model_loader.memory_budget import CardBudget, card_budgets, conversation_tokens
from bot.engine.model_loader.memory_plan import default_cache_bytes
from bot.engine.model_loader.model_class import model_class_of
from bot.engine.model_loader.packed_model import empty_model, load_packed, weight_bytes_of
from bot.engine.model_loader.placement import device_map_of, free_memory_of_cards, weight_bytes
from bot.engine.model_loader.quantization import check_quantised, dtype_of, quantisation_config
from bot.engine.model_loader.weight_check import check_complete, check_sizes
from bot.engine.tokenizer.tokenizer import HFTokenizer
from bot.system.memory import available_memory

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A base model ready for batches. `model` is the patched one of transformers, for `runner`."""

    model: Any
    runner: ModelRunner
    tokenizer: HFTokenizer
    source: ModelSource
    fingerprint: str
    precision: str  # as people read it
    dtype: str
    device: str
    context: int  # tokens, of prompt and answer together
    cache_bytes: int  # the most that keys and values may take
    bytes: int  # of the weights
    budgets: tuple[CardBudget, ...] = ()  # of the cards that hold it

    @property
    def base(self) -> BaseModelIdentity:
        """The identity that adapters must match."""
        return BaseModelIdentity(self.source.name, self.fingerprint, self.runner.shapes, self.source)


def load_weights(plan: LoadPlan, settings: ModelSettings) -> Any:
    """Return the model of transformers, frozen; raises `UserError` where its precision is not the plan's."""
    _silence_libraries()
    if plan.packed is not None:
        return load_packed(plan.packed, plan.source.name, dtype_of(None, plan.device))
    check_weights(plan.folder, plan.source.name)
    config = plan.read_config()
    check_sizes(config, plan.folder)
    kind = model_class_of(config, plan.source.name)
    arguments = {**_load_arguments(plan, settings), "output_loading_info": True}
    model, loaded = kind.from_pretrained(plan.folder, **WEIGHTS_ONLY, **arguments)
    check_complete(loaded, plan.folder)
    model.eval().requires_grad_(False)
    check_quantised(model, plan.precision)
    return model


def load_model(
    plan: LoadPlan, settings: ModelSettings, tokenizer: HFTokenizer, library: CDLL | None = None
) -> LoadedModel:
    """Load the model and patch it for batches; raises `UserError` when it cannot be served.

    `library`: operations in C for a model on the CPU, from `compiler.open_library`.
    """
    model = load_weights(plan, settings)
    context = plan.context_length(settings.context)
    weights = weight_bytes_of(model)
    dtype = str(model.dtype).removeprefix("torch.")
    runner = ModelRunner(model, plan.source.name, context, library)
    budgets = card_budgets(runner, settings.rows, context) if runner.device.type == "cuda" else ()
    cache_bytes = _within_plan(_cache_bytes(settings, runner, budgets), plan)
    return LoadedModel(
        model=model,
        runner=runner,
        tokenizer=tokenizer,
        source=plan.source,
        fingerprint=plan.fingerprint,
        precision=plan.weights_text,
        dtype=dtype,
        device=str(runner.device),
        context=_fitting_context(context, cache_bytes // runner.token_bytes),
        cache_bytes=cache_bytes,
        bytes=weights,
        budgets=budgets,
    )


def meta_model(plan: LoadPlan) -> Any:
    """Return the model of a plan's config.json on torch's meta device, without its weights."""
    if plan.packed is not None:
        return empty_model(plan.packed.config, plan.source.name)
    config = plan.read_config()
    check_sizes(config, plan.folder)
    with explained_damage(str(plan.folder / "config.json")), torch.device("meta"):
        return model_class_of(config, plan.source.name).from_config(config)


def _cache_bytes(settings: ModelSettings, runner: ModelRunner, budgets: tuple[CardBudget, ...]) -> int:
    """Return the bytes for keys and values: those of the settings, as far as cards have them.

    By default all that cards have left, and a quarter of the memory that a CPU has, within bounds.
    """
    wanted = settings.cache << 20
    if budgets:
        room = conversation_tokens(budgets, settings.name) * runner.token_bytes
        if wanted > room:
            logger.warning("cache_too_large", extra={"megabytes": settings.cache, "room": room >> 20})
        return min(wanted or room, room)
    return wanted or default_cache_bytes(available_memory() or 0)


def _within_plan(cache_bytes: int, plan: LoadPlan) -> int:
    """Return the bytes for keys and values, at most those that the memory plan has room for."""
    if plan.memory is None or cache_bytes <= plan.memory.cache:
        return cache_bytes
    logger.info("cache_within_memory", extra={"megabytes": plan.memory.cache >> 20})
    return plan.memory.cache


def _load_arguments(plan: LoadPlan, settings: ModelSettings) -> dict[str, Any]:
    """Return arguments for from_pretrained. Without a device map, stored int8 weights would become plain."""
    dtype = dtype_of(plan.precision, plan.device)
    stored = "quantization_config" in read_model_config(plan.folder)
    quantisation = quantisation_config(plan.precision, dtype)
    arguments = {"dtype": dtype, **_device_map(plan)}
    if quantisation and not stored:
        arguments["quantization_config"] = quantisation
    return arguments


def _fitting_context(context: int, tokens: int) -> int:
    """Return the context, or what the cache holds of it."""
    if context <= tokens:
        return context
    fitting = max(MIN_CAPACITY, tokens // MIN_CAPACITY * MIN_CAPACITY)
    logger.warning("context_shortened", extra={"context": context, "tokens": fitting})
    return fitting


def _device_map(plan: LoadPlan) -> Mapping[str, Any]:
    if plan.device != "cuda" or torch.cuda.device_count() == 1:
        return {"device_map": {"": plan.device}}
    return device_map_of(weight_bytes(meta_model(plan), plan.precision, plan.device), free_memory_of_cards())


def _silence_libraries() -> None:
    """Turn off progress bars over the terminal, and advice from transformers."""
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
