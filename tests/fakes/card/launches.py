"""What a block of code would launch on a card: kernels, copies, reads, and memory that it takes."""

import sys
from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.fakes.card.memory import CardMemory

_VIEWS = frozenset(
    "view _unsafe_view t transpose permute expand slice select unsqueeze squeeze split split_with_sizes "
    "detach alias as_strided unbind chunk view_as flatten diagonal unfold lift_fresh set_ resize_".split()
)
_ALLOCATIONS = frozenset("empty empty_like new_empty empty_strided new_empty_strided".split())
_FUSED = frozenset(("scaled_dot_product_attention", "rms_norm"))  # one kernel on a card
_CAPTURE_ERROR = "CUDA error: operation not permitted when stream is capturing"


class Launches(TorchDispatchMode):
    """Counts, for tensors on "cuda". Counters of places hold the innermost line of bot or training.

    `kernels`: operations that a card would run, a fused attention as one. `copies`: blocking copies from the
    host; `async_copies`: others. `reads`: the host waits for the card. `graphs`: replays of a captured graph.
    """

    def __init__(self, memories: list[CardMemory]) -> None:
        super().__init__()
        self._memories = memories
        self.reset()
        self.failure: BaseException | None = None  # raised by the next operation on the card
        self.grace = 0  # operations before the failure
        self.sticky: BaseException | None = None  # what later operations raise, as after an illegal access
        self.capture: Counter[str] | None = None  # kernels of the graph that is being captured
        self._refuses_reads = False

    def reset(self) -> None:
        """Begin to count anew."""
        self.kernels, self.graphs = 0, 0
        self.copies: Counter[str] = Counter()
        self.async_copies: Counter[str] = Counter()
        self.reads: Counter[str] = Counter()
        self.by_place: Counter[tuple[str, str]] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, func.overloadpacket.__name__
        given = (*args, *kwargs.values())
        inputs = [one for one in given if isinstance(one, Tensor)]
        inputs += [one for many in given if isinstance(many, list) for one in many if isinstance(one, Tensor)]
        if name == "_local_scalar_dense" and inputs[0].device.type == "cuda":
            self.read()
            return zero_of(inputs[0].dtype)
        on_card = any(one.device.type == "cuda" for one in inputs)
        if on_card and func.namespace == "aten" and name not in _FUSED and func._can_decompose():
            with self:  # the parts come back one by one, as they do outside of inference mode
                return func.decompose(*args, **kwargs)
        out = func(*args, **kwargs)
        outputs = [
            one for one in (out if isinstance(out, tuple | list) else [out]) if isinstance(one, Tensor)
        ]
        if any(one.device.type == "cuda" for one in (*inputs, *outputs)):
            self._fail()
            self._track(outputs)
            read = [one for one in inputs if one is not kwargs.get("out")]
            self._count(name, read, outputs, bool(_argument(func, args, kwargs, "non_blocking")))
        return out

    def read(self) -> None:
        """Count a wait of the host for the card."""
        self._fail()
        if self.capture is not None:
            raise RuntimeError(_CAPTURE_ERROR)
        if self._refuses_reads:
            raise RuntimeError("called a synchronizing CUDA operation")
        self.reads[place()] += 1

    def refuse_reads(self, refuse: bool) -> None:
        """Raise for each wait of the host from now on, as torch.cuda's debug mode does, or count again."""
        self._refuses_reads = refuse

    def upload(self, blocking: bool) -> None:
        """Count a copy from the host."""
        if self.capture is not None and blocking:
            raise RuntimeError(_CAPTURE_ERROR)
        (self.copies if blocking else self.async_copies)[place()] += 1

    def launch_graph(self) -> None:
        """Count one replay of a captured graph."""
        self._fail()
        self.graphs += 1

    def _fail(self) -> None:
        if (failure := self.failure) is not None:
            self.grace -= 1
            if self.grace >= 0:
                return
            self.failure = self.sticky
            raise type(failure)(*failure.args)  # a new one: its traceback holds tensors

    def _track(self, outputs: list[Tensor]) -> None:
        for tensor in outputs:
            if tensor.device.type != "cuda":
                continue
            storage = tensor.untyped_storage()
            if not hasattr(storage, "tracked"):
                self._memories[tensor.device.index or 0].track(storage)
                storage.tracked = True  # type: ignore[attr-defined]

    def _count(self, name: str, inputs: list[Tensor], outputs: list[Tensor], non_blocking: bool) -> None:
        if name in _VIEWS or name in _ALLOCATIONS or _does_nothing(name, inputs, outputs):
            return
        if name in ("_to_copy", "copy_"):
            source, target = inputs[-1].device.type, outputs[0].device.type
            if (source, target) == ("cpu", "cuda"):
                self.upload(blocking=not (non_blocking and getattr(inputs[-1], "pinned", False)))
            elif (source, target) == ("cuda", "cpu") and not non_blocking:
                self.read()
        written = inputs if name.startswith("_foreach") and name.endswith("_") else outputs
        if any(tensor.device.type == "cuda" for tensor in written):
            self.kernels += 1
            self.by_place[name, place()] += 1
            if self.capture is not None:
                self.capture[name] += 1


def place() -> str:
    """Return the innermost line of bot or training that runs: file and function."""
    frame = sys._getframe(1)
    while frame is not None:  # type: ignore[redundant-expr]
        name = frame.f_code.co_filename
        for part in ("/bot/", "/training/"):
            if part in name and "/tests/" not in name and "site-packages" not in name:
                return f"{part[1:]}{name.rpartition(part)[2]}:{frame.f_lineno} {frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return "elsewhere"


def _argument(func: Any, args: Any, kwargs: Any, name: str) -> Any:
    """Return an argument of an operation by name, None where it is not given."""
    names = [argument.name for argument in func._schema.arguments]
    return kwargs.get(name) or (dict(zip(names, args, strict=False)).get(name) if name in names else None)


def _does_nothing(name: str, inputs: list[Tensor], outputs: list[Tensor]) -> bool:
    """Return whether an operation such as `reshape` gave its input back."""
    if name.endswith("_") or len(outputs) != 1:
        return False
    storage = outputs[0].untyped_storage()._cdata
    return any(storage == one.untyped_storage()._cdata for one in inputs)


def zero_of(dtype: torch.dtype) -> bool | int | float:
    """Return what a read of a tensor without values gives."""
    if dtype == torch.bool:
        return False
    return 0.0 if dtype.is_floating_point else 0
