"""FSDP 2 for the frozen base model: each process holds a shard of every layer and the whole adapter.

Layers are gathered while they compute and freed again. The base model has no gradients, so that the
adapter's alone are averaged; the adapter stays plain tensors, for the optimiser, its norm and the disk.
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

CONFIG_FILE = "training/distributed/accelerate/fsdp.yaml"


def requested_plugin() -> Any:
    """Return the FSDP plugin that `accelerate launch` was configured with; None without FSDP.

    Raises `UserError` for FSDP 1, for loading in one process and for activation checkpointing by accelerate.
    """
    if os.environ.get("ACCELERATE_USE_FSDP", "false").lower() != "true":
        return None
    if os.environ.get("FSDP_VERSION", "1") != "2":
        raise UserError(f"FSDP 1 is not supported: set `fsdp_version: 2`, as {CONFIG_FILE} has it.")
    plugin = FullyShardedDataParallelPlugin()
    if plugin.cpu_ram_efficient_loading:
        raise UserError(
            "Every process must read the base model, since it is tried before it is sharded: set "
            f"`fsdp_cpu_ram_efficient_loading: false`, as {CONFIG_FILE} has it."
        )
    if plugin.activation_checkpointing:
        raise UserError(
            "Checkpointing belongs to the recipe: set `fsdp_activation_checkpointing: false`, and "
            "`checkpointing = true` in the table [training] of persona.toml."
        )
    return plugin


def shard_model(model: Any, plugin: Any, device: torch.device, size: int) -> None:
    """Leave each process its shard of the layers; move all else, the adapter too, whole to the device.

    Raises `UserError` for a quantised base model and for one that does not name its layers.
    """
    if getattr(model, "is_quantized", False):
        raise UserError(
            "A quantised base model cannot be sharded: take training/distributed/accelerate/ddp.yaml, where "
            'each GPU holds the whole model, or set `precision = "bf16"` in the table [training] of '
            "persona.toml."
        )
    backbone = getattr(model, model.base_model_prefix)
    layers = _layers(model, backbone)
    frozen = {each for layer in layers for each in layer.parameters() if not each.requires_grad}
    whole = {each for each in model.parameters() if each not in frozen}
    mesh = init_device_mesh(device.type, (size,))
    offload = plugin.cpu_offload if isinstance(plugin.cpu_offload, CPUOffloadPolicy) else OffloadPolicy()
    for module in (*layers, backbone):
        fully_shard(
            module,
            mesh=mesh,
            reshard_after_forward=plugin.reshard_after_forward,
            offload_policy=offload,
            ignored_params=whole,
        )
    for tensor in (*whole, *model.buffers()):
        tensor.data = tensor.data.to(device)


def _layers(model: Any, backbone: Any) -> list[nn.Module]:
    """Return the layers of a backbone; transformers names their classes in `_no_split_modules` (5.24)."""
    names = set(getattr(model, "_no_split_modules", None) or ())
    layers = [module for module in backbone.modules() if type(module).__name__ in names]
    if not layers:
        raise UserError(
            f"Base models of the kind {model.config.model_type} cannot be sharded: take "
            "training/distributed/accelerate/ddp.yaml."
        )
    return layers


def average_gradients(weights: Iterable[nn.Parameter], size: int) -> None:
    """Replace each gradient by its mean over all `size` processes."""
    weights = list(weights)
    gradients = [each.grad if each.grad is not None else torch.zeros_like(each) for each in weights]
    flat = torch.cat([each.flatten() for each in gradients])
    torch.distributed.all_reduce(flat)
    means = torch.split(flat / size, [each.numel() for each in gradients])
    for weight, mean in zip(weights, means, strict=True):
        weight.grad = mean.view_as(weight)
