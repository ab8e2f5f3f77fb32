"""Adapters that cannot be loaded into slots leave the other adapters as they are."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from bot.engine.lora.active import ActiveAdapters, LoadedAdapter
from bot.engine.lora.linear import LoraPair
from tests.bot.engine.lora.lora_model import INPUTS, OUT, Model, Tokens, adapter, random


class Short(Tensor):
    """An empty tensor whose `new_zeros` runs out of memory after `left` calls."""

    left: int

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, arguments: tuple[Any, ...] = (), more: Mapping[str, Any] | None = None
    ) -> Any:
        if function is Tensor.new_zeros:
            if arguments[0].left == 0:
                raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")
            arguments[0].left -= 1
            return torch.zeros(arguments[1:])
        return super().__torch_function__(function, types, arguments, more or {})  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("left", range(8))
def test_running_out_of_memory_while_an_adapter_is_loaded_harms_no_other(left: int) -> None:
    model = Model()
    like = torch.zeros(0).as_subclass(Short)
    like.left = 1000
    model.active = ActiveAdapters(model.layers, like)
    there = [adapter("a", 2, ["q", "down"]), adapter("b", 2, ["v"])]
    for loaded in there:
        model.active.activate(loaded)
    new = adapter("c", 8, list(OUT))
    like.left = left
    with pytest.raises(RuntimeError, match="not enough memory"):
        model.active.activate(new)
    model.active.deactivate(new)
    for later in (adapter("d", 4, ["q", "v"]), new, adapter("e", 16, list(OUT))):
        model.check([Tokens(loaded, count) for loaded in (*there, None) for count in (1, 2)])
        like.left = 1000
        model.active.activate(later)
        there.append(later)
    model.check([Tokens(loaded, count) for loaded in (*there, None) for count in (1, 2)])


def test_an_adapter_that_cannot_be_loaded_harms_no_other() -> None:
    model = Model()
    first, second = adapter("a", 2, ["q", "down"]), adapter("b", 2, ["q", "down"])
    model.active.activate(first)
    model.active.activate(second)
    model.active.deactivate(second)  # its matrices are still there
    bad = LoadedAdapter(
        "bad",
        {"q": LoraPair(random(2, INPUTS), random(8, 2), 1), "down": LoraPair(random(2, 1), random(6, 3), 1)},
    )
    with pytest.raises(RuntimeError):
        model.active.activate(bad)
    model.active.deactivate(bad)
    model.active.activate(second)
    model.check([Tokens(first), Tokens(second), Tokens(None), Tokens(second, 2)])
