"""A base model of which each process holds a part (FSDP 2), while all have the whole adapter.

Layers are put together while they compute and parted again. The base is frozen and nothing of it has
gradients, so that only the adapter's have to be joined; it stays plain tensors, for the optimiser, for its
norm and on disk.
"""

import os
from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed
from accelerate import FullyShardedDataParallelPlugin
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, OffloadPolicy, fully_shard

from bot.errors import UserError

FILE = "training/distributed/accelerate/fsdp.yaml"


def asked() -> Any:
    """What a configuration for `accelerate launch` says of FSDP; None where it does not.

    Raises `UserError` where it asks for what is not done here.
    """
    if os.environ.get("ACCELERATE_USE_FSDP", "false").lower() != "true":
        return None
    if os.environ.get("FSDP_VERSION", "1") != "2":
        raise UserError(f"FSDP 1 is not supported: set `fsdp_version: 2`, as {FILE} has it.")
    plugin = FullyShardedDataParallelPlugin()
    if plugin.cpu_ram_efficient_loading:
        raise UserError(
            "Every process must read the base model, since it tries it before it is parted: set "
            f"`fsdp_cpu_ram_efficient_loading: false`, as {FILE} has it."
        )
    if plugin.activation_checkpointing:
        raise UserError(
            "Checkpointing is a matter of the recipe: set `fsdp_activation_checkpointing: false`, and "
            "`checkpointing = true` in the table [training] of persona.toml."
        )
    return plugin


def part(model: Any, plugin: Any, device: torch.device, size: int) -> None:
    """Leave each process its part of the layers; all else, the adapter too, goes whole to its device."""
    if getattr(model, "is_quantized", False):
        raise UserError(
            "A quantised base model cannot be parted: take training/distributed/accelerate/ddp.yaml, where "
            'each GPU has all of it, or set `precision = "bf16"` in the table [training] of persona.toml.'
        )
    trunk = getattr(model, model.base_model_prefix)
    names = set(getattr(model, "_no_split_modules", None) or ())
    layers = [module for module in trunk.modules() if type(module).__name__ in names]
    if not layers:
        raise UserError(
            f"Base models of the kind {model.config.model_type} cannot be parted: take "
            "training/distributed/accelerate/ddp.yaml."
        )
    frozen = {each for layer in layers for each in layer.parameters() if not each.requires_grad}
    whole = {each for each in model.parameters() if each not in frozen}
    mesh = init_device_mesh(device.type, (size,))
    offload = plugin.cpu_offload if isinstance(plugin.cpu_offload, CPUOffloadPolicy) else OffloadPolicy()
    for module in (*layers, trunk):
        fully_shard(
            module,
            mesh=mesh,
            reshard_after_forward=plugin.reshard_after_forward,
            offload_policy=offload,
            ignored_params=whole,
        )
    for tensor in (*whole, *model.buffers()):
        tensor.data = tensor.data.to(device)


def join(weights: Iterable[nn.Parameter], size: int) -> None:
    """Make gradients the mean of those of all processes."""
    weights = list(weights)
    found = [each.grad if each.grad is not None else torch.zeros_like(each) for each in weights]
    flat = torch.cat([each.flatten() for each in found])
    torch.distributed.all_reduce(flat)
    parts = torch.split(flat / size, [each.numel() for each in found])
    for weight, joined in zip(weights, parts, strict=True):
        weight.grad = joined.view_as(weight)
