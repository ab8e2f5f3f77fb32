"""Sentences about a base model that does not load: memory in numbers, the device, or the model's files."""

from typing import Any

import torch

from bot.config import ModelSettings
from bot.engine.checkpoint.source import read_model_config
from bot.engine.model_loader.load_plan import LoadPlan
from bot.engine.model_loader.loader import load_weights, meta_model
from bot.engine.model_loader.placement import free_memory_of_cards, weight_bytes
from bot.engine.model_loader.quantization import Precision
from bot.engine.runtime.device_faults import DeviceFault, device_fault_of
from bot.engine.runtime.errors import free_memory
from bot.errors import RestartNeeded, UserError
from bot.system.memory import available_memory

ROOM_SHARE = 0.8  # of the free memory may be weights; conversations and adapters need the rest
_SMALLER: tuple[Precision, ...] = ("bf16", "int8", "nf4")  # by size, largest first


def load_explained(plan: LoadPlan, settings: ModelSettings) -> Any:
    """Return the model of transformers, frozen; raises `UserError` for whatever keeps it from loading."""
    try:
        return load_weights(plan, settings)
    except Exception as error:
        raise explain_load_failure(error, plan.source.name, plan) from error


def explain_load_failure(error: BaseException, name: str, plan: LoadPlan | None) -> UserError:
    """Return the error to raise for a base model whose loading failed; `plan` is None before there is one."""
    if isinstance(error, UserError):
        return error
    fault = device_fault_of(error)
    if fault is DeviceFault.CONTEXT_LOST:
        return RestartNeeded(f"The base model {name} could not be loaded: {fault.value}.")
    if fault is DeviceFault.OUT_OF_MEMORY and plan is not None:
        error.__traceback__ = None  # it holds weights
        free_memory()
        return lack_of_memory(plan)
    if fault is not None:
        return UserError(f"The base model {name} could not be loaded: {fault.value}.")
    if "ignore_mismatched_sizes" in str(error):  # transformers logs the tensors and raises this advice
        return UserError(
            f"The base model {name} could not be loaded: weights have other shapes than its config.json "
            "says. Copy or download it again."
        )
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return UserError(
        f"The base model {name} could not be loaded ({reason}): "
        "check its files, or choose another [model] name or precision."
    )


def check_room(plan: LoadPlan) -> None:
    """Raise `UserError` where the weights take more than all graphics cards have free."""
    if plan.device.startswith("cuda") and _weights(plan, plan.precision) > _free_bytes(plan.device):
        raise lack_of_memory(plan)


def lack_of_memory(plan: LoadPlan) -> UserError:
    """Return the error for a model that takes more memory than is free, with the next choice that fits."""
    free, needed = _free_bytes(plan.device), _weights(plan, plan.precision)
    smaller = [] if _is_fixed(plan) else _smaller(plan, min(round(ROOM_SHARE * free), needed))
    choice = f'set [model] precision to "{smaller[0]}"' if smaller else "choose a smaller [model] name"
    return UserError(
        f"The base model {plan.source.name} does not fit: in {plan.precision} its weights take "
        f"{needed / 1e9:.1f} GB, and {_place(plan.device)} has {free / 1e9:.1f} GB free: "
        f"{choice}, or close other programs that use the memory."
    )


def _is_fixed(plan: LoadPlan) -> bool:
    """Return whether the model's own files hold weights in one precision."""
    source = plan.source
    return source.kind == "folder" and "quantization_config" in read_model_config(plan.folder)


def _smaller(plan: LoadPlan, limit: int) -> list[str]:
    """Return precisions in which the weights take less than `limit` bytes, the most exact first."""
    sizes = ((precision, _weights(plan, precision)) for precision in _SMALLER)
    return [f"{precision}" for precision, size in sizes if size < limit]


def _weights(plan: LoadPlan, precision: Precision) -> int:
    return weight_bytes(meta_model(plan), precision, plan.device)


def _free_bytes(device: str) -> int:
    if not device.startswith("cuda"):
        return available_memory() or 0
    free, index = free_memory_of_cards(), torch.device(device).index
    return sum(free) if index is None else free[index]


def _place(device: str) -> str:
    return "the graphics card" if device.startswith("cuda") else "this machine"
