"""`pretended_card`: torch.cuda answers as a card would, for as long as the block runs."""

from collections import namedtuple
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._device import _device_constructors

from tests.fakes.card.graphs import graph_patches
from tests.fakes.card.guard import register_guard
from tests.fakes.card.launches import Launches, zero_of
from tests.fakes.card.memory import CardMemory

Properties = namedtuple("Properties", "name major minor total_memory multi_processor_count")
CONTEXT_BYTES = 500 << 20  # of CUDA itself and a desktop


@dataclass(frozen=True)
class Card:
    """A pretended card: what it was asked to do, and its memory. `memories` has one entry for each card."""

    launches: Launches
    memories: list[CardMemory]

    @property
    def memory(self) -> CardMemory:
        """The first card's memory."""
        return self.memories[0]

    def fail(
        self, error: BaseException, sticky: bool = False, after: int = 0, later: BaseException | None = None
    ) -> None:
        """Let the operation after `after` others on the card raise an error.

        `sticky`: every later one raises `later`, or the same error.
        """
        self.launches.failure, self.launches.grace = error, after
        self.launches.sticky = (later or error) if sticky else None

    def recover(self) -> None:
        """End a sticky error, as a new CUDA context would."""
        self.launches.failure = None


@contextmanager
def pretended_card(
    memory: int = 12 << 30,
    others: int = CONTEXT_BYTES,
    capability: tuple[int, int] = (8, 6),
    count: int = 1,
    name: str = "Card That Is Not There",
    code: tuple[str, ...] = (),
) -> Iterator[Card]:
    """Pretend `count` cards of `memory` bytes, of which `others` bytes are taken.

    `code`: the architectures that torch was built for, as in "sm_86"; none: torch does not say.

    Tensors on every device have shapes and no values inside the block; a value that is read is zero.
    """
    import bitsandbytes  # noqa: F401  looks for a card when it is imported, and keeps what it saw

    register_guard()
    _device_constructors()  # keeps what it finds at first: torch's own functions, not those of the next lines
    memories = [CardMemory(memory, others) for _ in range(count)]
    launches = Launches(memories)
    properties = Properties(name, *capability, memory, 28)
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with ExitStack() as stack:
        for attribute, answer in _answers(launches, memories, properties, code).items():
            stack.enter_context(mock.patch.object(torch.cuda, attribute, answer))
        for target, attribute, answer in (*_tensor_patches(launches), *graph_patches(launches)):
            stack.enter_context(mock.patch.object(target, attribute, answer))
        stack.enter_context(
            mock.patch.object(FakeTensorMode, "avoid_device_init", property(lambda self: True))
        )
        stack.enter_context(mode)
        stack.enter_context(launches)
        yield Card(launches, memories)


def _answers(
    launches: Launches, memories: list[CardMemory], properties: Properties, code: tuple[str, ...]
) -> dict[str, Any]:
    def memory_of(device: Any = None) -> CardMemory:
        index = device if isinstance(device, int) else getattr(torch.device(device or "cuda"), "index", None)
        return memories[index or 0]

    def limit(fraction: float, device: Any = None) -> None:
        memory_of(device).limit = fraction

    return {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "init": lambda: None,
        "current_device": lambda: 0,
        "set_device": lambda device: None,
        "get_arch_list": lambda: list(code),
        "device_count": lambda: len(memories),
        "get_device_properties": lambda device=None: properties,
        "get_device_name": lambda device=None: properties.name,
        "get_device_capability": lambda device=None: (properties.major, properties.minor),
        "is_bf16_supported": lambda including_emulation=True: including_emulation or properties.major >= 8,
        "mem_get_info": lambda device=None: (memory_of(device).free, memory_of(device).total),
        "memory_allocated": lambda device=None: memory_of(device).allocated,
        "memory_reserved": lambda device=None: memory_of(device).reserved,
        "max_memory_allocated": lambda device=None: memory_of(device).peak,
        "reset_peak_memory_stats": lambda device=None: setattr(
            memory_of(device), "peak", memory_of(device).allocated
        ),
        "set_per_process_memory_fraction": limit,
        "synchronize": lambda device=None: launches.read(),
        "empty_cache": lambda: [one.release() for one in memories],
    }


def _tensor_patches(launches: Launches) -> list[tuple[Any, str, Any]]:
    make = torch.tensor

    def tensor(
        data: Any, *, dtype: Any = None, device: Any = None, pin_memory: bool = False, **keys: Any
    ) -> Any:
        with unset_fake_temporarily():
            made = make(data, dtype=dtype, device="cpu", **keys)
        on_card = device is not None and torch.device(device).type == "cuda"
        if on_card:
            launches.upload(blocking=True)
        out = torch.empty(made.shape, dtype=made.dtype, device=device or "cpu")
        return _pin(out) if pin_memory else out

    def zeros(self: Tensor) -> Any:
        if self.device.type == "cuda":
            launches.read()
        return _zeros(tuple(self.shape), zero_of(self.dtype))

    return [
        (torch, "tensor", tensor),
        (FakeTensor, "tolist", zeros),
        (Tensor, "pin_memory", lambda self, device=None: _pin(self)),
        (Tensor, "is_pinned", lambda self, device=None: getattr(self, "pinned", False)),
    ]


def _zeros(shape: tuple[int, ...], zero: float) -> Any:
    return [_zeros(shape[1:], zero) for _ in range(shape[0])] if shape else zero


def _pin(tensor: Tensor) -> Tensor:
    tensor.pinned = True  # type: ignore[attr-defined]
    return tensor
