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
    """This process among its peers. Every process has the same plan, and learns its share of each step."""

    def __init__(self, device: str) -> None:
        """Raises `UserError` where `accelerate launch` was told what is not done here."""
        _check_launched()
        asked = fsdp.asked()
        self._accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no")
        self.rank: int = self._accelerator.process_index
        self.size: int = self._accelerator.num_processes
        self._plugin = asked if self.size > 1 else None
        found = self._accelerator.device
        self.device: str = device if self.size == 1 else "cpu" if found.type == "cpu" else str(found)

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def prepare(self, trunk: Any, model: Any) -> Any:
        """The trunk of a model as all processes share it: its gradients become the mean of theirs."""
        if self._plugin is not None:
            fsdp.part(model, self._plugin, torch.device(self.device), self.size)
        elif self.size > 1:
            return self._accelerator.prepare_model(trunk)
        return trunk

    @contextmanager
    def collecting(self, trunk: Any, is_last: bool) -> Iterator[None]:
        """A forward and backward pass, after the last of which the gradients of all processes are joined."""
        if self._plugin is not None:
            yield
            if is_last:
                fsdp.join((each for each in trunk.parameters() if each.requires_grad), self.size)
        elif is_last or self.size == 1:
            yield
        else:
            with self._accelerator.no_sync(trunk):
                yield

    def clip(self, parameters: list[Tensor], largest: float) -> float:
        """Scale gradients down to that norm; returns the norm they had."""
        norm = self._accelerator.clip_grad_norm_(parameters, largest)
        return float(norm) if norm is not None else 0.0

    def total(self, *values: float) -> list[float]:
        """The sum of each value over all processes."""
        tensor = torch.tensor(values, dtype=torch.float64, device=self._accelerator.device)
        if self.size > 1:
            tensor = self._accelerator.reduce(tensor, "sum")
        found: list[float] = tensor.tolist()
        return found

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """What the leader does alone, before the others do it and find it done."""
        with self._accelerator.main_process_first():
            yield

    def wait(self) -> None:
        """Go on when all are here."""
        self._accelerator.wait_for_everyone()

    def end(self) -> None:
        """Part in peace."""
        self._accelerator.end_training()


def _check_launched() -> None:
    """DeepSpeed wants a loop and an optimiser of its own, and what it shares out an adapter does not have."""
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true":
        raise UserError(
            "DeepSpeed is not supported: take training/distributed/accelerate/ddp.yaml, or fsdp.yaml where "
            "the base model is too large for one GPU."
        )
