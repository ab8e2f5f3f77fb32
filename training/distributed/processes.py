"""The processes that train together: one, or as many as `accelerate launch` started."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from bot.errors import UserError
from training.distributed import fsdp


class ProcessGroup:
    """This process and its peers. All processes have the same plan; each trains on its rows of a step."""

    def __init__(self, device: str) -> None:
        """Raises `UserError` where `accelerate launch` asks for DeepSpeed or an unsupported kind of FSDP."""
        _refuse_deepspeed()
        plugin = fsdp.requested_plugin()
        self._accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no")
        self.rank: int = self._accelerator.process_index
        self.size: int = self._accelerator.num_processes
        self._plugin = plugin if self.size > 1 else None
        found = self._accelerator.device
        self.device: str = device if self.size == 1 else "cpu" if found.type == "cpu" else str(found)

    @property
    def is_main(self) -> bool:
        """Rank 0: the process that writes files and messages."""
        return self.rank == 0

    def prepare_backbone(self, backbone: Any, model: Any) -> Any:
        """Return the backbone of a model wrapped for DDP, or with its layers sharded for FSDP."""
        if self._plugin is not None:
            fsdp.shard_model(model, self._plugin, torch.device(self.device), self.size)
        elif self.size > 1:
            return self._accelerator.prepare_model(backbone)
        return backbone

    @contextmanager
    def gradient_sync(self, backbone: Any, is_last: bool) -> Iterator[None]:
        """Run a forward and backward pass; after the last one, average the gradients of all processes."""
        if self._plugin is not None:
            yield
            if is_last:
                trained = (each for each in backbone.parameters() if each.requires_grad)
                fsdp.average_gradients(trained, self.size)
        elif is_last or self.size == 1:
            yield
        else:
            with self._accelerator.no_sync(backbone):
                yield

    def clip_grad_norm(self, parameters: list[Tensor], max_norm: float) -> float:
        """Scale gradients down to a norm of `max_norm` at most; return the norm before."""
        norm = self._accelerator.clip_grad_norm_(parameters, max_norm)
        return float(norm) if norm is not None else 0.0

    def all_reduce_sum(self, *values: float) -> list[float]:
        """Return the sum of each value over all processes."""
        tensor = torch.tensor(values, dtype=torch.float64, device=self._accelerator.device)
        if self.size > 1:
            tensor = self._accelerator.reduce(tensor, "sum")
        sums: list[float] = tensor.tolist()
        return sums

    @contextmanager
    def main_process_first(self) -> Iterator[None]:
        """Run a block in the main process before the others, which find its files then."""
        with self._accelerator.main_process_first():
            yield

    def barrier(self) -> None:
        """Wait for all processes."""
        self._accelerator.wait_for_everyone()

    def end(self) -> None:
        """End the Accelerator session."""
        self._accelerator.end_training()


def _refuse_deepspeed() -> None:
    """Raise `UserError` for DeepSpeed.

    DeepSpeed needs a loop and an optimiser of its own, and shards states that an adapter hardly has.
    """
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true":
        raise UserError(
            "DeepSpeed is not supported: take training/distributed/accelerate/ddp.yaml, or fsdp.yaml where "
            "the base model is too large for one GPU."
        )
