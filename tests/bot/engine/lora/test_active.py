"""Every token goes through its own adapter's matrices: against the plain formula, whoever comes and goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.attention.kv_slab import KVSlot
from bot.engine.kernels.matmul import PlainMatmul
from bot.engine.lora.active import ActiveAdapters, LoadedAdapter
from bot.engine.lora.batch_mapping import ForwardContext, adapter_batch_of, last_token_batch_of
from bot.engine.lora.linear import JoinedLayer, LoraLinear, LoraPair

INPUTS = 6
LAYERS = (("q", "k", "v"), ("gate", "up"), ("down",), ("lm_head",))
OUT = {"q": 8, "k": 4, "v": 4, "gate": 10, "up": 10, "down": 6, "lm_head": 12}


def random(*shape: int) -> Tensor:
    return torch.randint(-3, 4, shape, dtype=torch.float32)


def adapter(name: str, rank: int, layers: Sequence[str]) -> LoadedAdapter:
    """Whole numbers, so that every sum is exact in float32."""
    pairs = {layer: LoraPair(random(rank, INPUTS), random(OUT[layer], rank), 0.5 * rank) for layer in layers}
    return LoadedAdapter(name, pairs)


def rows(count: int) -> list[KVSlot]:
    return KVCache(1 << 30).allocate(1, count) or []


class Model:
    """Projections that stand alone, the adapters that are live in them, and the formula beside them."""

    def __init__(self) -> None:
        torch.manual_seed(3)
        self.current = ForwardContext()
        self.weights = {layer: random(OUT[layer], INPUTS) for layer in OUT}
        self.projections = [self._projection(names) for names in LAYERS]
        self.live = ActiveAdapters(self.projections, torch.zeros(0))
        self.known = [
            adapter("narrow", 1, ["q", "v"]),
            adapter("wide", 9, ["v", "gate", "up", "down"]),
            adapter("plain", 4, ["q", "k", "v", "down"]),
            adapter("head", 3, ["lm_head"]),
            adapter("whole", 4, list(OUT)),
            adapter("nothing", 2, []),
        ]

    def _projection(self, names: Sequence[str]) -> LoraLinear:
        parts: list[JoinedLayer] = []
        for name in names:
            start = parts[-1].end if parts else 0
            parts.append(JoinedLayer(name, start, start + OUT[name]))
        kernel = PlainMatmul(torch.cat([self.weights[name] for name in names]), None)
        return LoraLinear(kernel, parts, INPUTS, self.current, last=names == ("lm_head",))

    def check(self, tokens: Sequence["Tokens"]) -> None:
        """Compare a step over spans of these lengths, adapters and strengths, as a grid and as bags."""
        spans = [
            TokenSpan(row, (1,) * one.count, self.live.slot_of(one.known), one.strength)
            for row, one in zip(rows(len(tokens)), tokens, strict=True)
        ]
        owner = {id(span): one for span, one in zip(spans, tokens, strict=True)}
        step = ForwardBatch(spans, "cpu")
        order = [owner[id(span)] for span in step.spans]
        every = [one for one in order for _ in range(one.count)]
        for projection, names in zip(self.projections, LAYERS, strict=True):
            through = order if projection.reads_last else every
            x = random(1, len(through), INPUTS)
            wanted = [
                torch.cat([self._formula(x[0, n], one, name) for name in names])
                for n, one in enumerate(through)
            ]
            for bagged in (False, True):
                self.current.tokens, self.current.last = (
                    adapter_batch_of(step, bagged),
                    last_token_batch_of(step, bagged),
                )
                torch.testing.assert_close(projection(x)[0], torch.stack(wanted), rtol=0, atol=0)

    def _formula(self, x: Tensor, one: "Tokens", name: str) -> Tensor:
        product = self.weights[name] @ x
        if one.known is None or name not in one.known.pairs:
            return product
        pair = one.known.pairs[name]
        return product + one.strength * pair.scale * (pair.b @ (pair.a @ x))


@dataclass(frozen=True)
class Tokens:
    """One row's next tokens."""

    known: LoadedAdapter | None
    count: int = 1
    strength: float = 1.0


events = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(0, 5)),
        st.tuples(st.just("leave"), st.integers(0, 5)),
        st.tuples(st.just("replace"), st.integers(0, 4)),
        st.tuples(
            st.just("step"),
            st.lists(
                st.tuples(
                    st.integers(0, 9), st.sampled_from([1, 1, 1, 2, 5]), st.sampled_from([1.0, 1.0, 0.5, 1.5])
                ),
                min_size=1,
                max_size=12,
            ),
        ),
    ),
    max_size=25,
)


@given(events)
@settings(max_examples=80)
def test_any_mix_is_the_plain_formula_whoever_comes_and_goes(events: list[tuple[str, Any]]) -> None:
    model = Model()
    there: list[LoadedAdapter] = []
    for event, what in events:
        if event == "enter":
            model.live.activate(model.known[what])
            there.append(model.known[what])
        elif event == "leave" and there:
            model.live.deactivate(there.pop(what % len(there)))
        elif event == "replace":
            was = model.known[what]
            model.known[what] = adapter(was.name, max(was.rank, 1) + 1, list(was.pairs))
        elif event == "step":
            users = [*dict.fromkeys(there), None]
            model.check([Tokens(users[n % len(users)], count, strength) for n, count, strength in what])
        bays = sorted(model.live.slot_of(known) for known in set(there))
        assert bays == list(range(len(bays)))


@pytest.mark.parametrize("count", [1, 4])
def test_ranks_and_layers_may_differ_in_one_step(count: int) -> None:
    model = Model()
    for known in model.known:
        model.live.activate(known)
    mixed = [*model.known, None, *reversed(model.known), None]
    model.check([Tokens(known, count) for known in mixed])


def test_strengths_may_differ_under_one_adapter() -> None:
    model = Model()
    whole = model.known[4]
    model.live.activate(whole)
    model.check([Tokens(whole, count, strength) for count in (1, 3) for strength in (0.0, 0.5, 1.0, 1.5)])


def test_rows_without_an_adapter_go_through_none() -> None:
    model = Model()
    model.live.activate(model.known[4])
    one, other = rows(2)
    assert (
        adapter_batch_of(ForwardBatch([TokenSpan(one, (1,)), TokenSpan(other, (1, 2))], "cpu"), gather=False)
        is None
    )
    model.check([Tokens(None), Tokens(None, 3)])


def test_more_adapters_and_larger_ranks_leave_those_there_as_they_are() -> None:
    model = Model()
    there: list[LoadedAdapter] = []
    for rank in (1, 2, 8, 3, 16, 16, 32):
        there.append(adapter(str(rank), rank, list(OUT)))
        model.live.activate(there[-1])
        model.check([Tokens(known, count) for known in there for count in (1, 2)])


def test_an_adapter_that_left_last_is_at_hand_when_it_comes_back() -> None:
    model = Model()
    first, second = model.known[4], model.known[2]
    model.live.activate(first)
    model.live.activate(second)
    model.live.deactivate(second)
    model.live.activate(second)
    model.check([Tokens(first), Tokens(second), Tokens(None)])


def test_an_adapter_stays_while_any_of_its_rows_does() -> None:
    model = Model()
    whole, other = model.known[4], model.known[2]
    for known in (other, whole, whole):
        model.live.activate(known)
    model.live.deactivate(whole)
    model.live.deactivate(other)
    model.check([Tokens(whole), Tokens(None), Tokens(whole, 2)])


def test_leaving_without_having_come_changes_nothing() -> None:
    model = Model()
    model.live.activate(model.known[4])
    model.live.deactivate(model.known[2])
    model.check([Tokens(model.known[4]), Tokens(None)])


def test_known_adapters_take_no_room_until_they_are_used() -> None:
    model = Model()
    assert model.live.bytes == 0
    model.live.activate(model.known[3])
    assert 0 < model.live.bytes < 4 * sum(projection.inputs * 64 for projection in model.projections)
    assert sum(projection.has_slots for projection in model.projections) == 1


class Short(Tensor):
    """An empty tensor in whose likeness only so many others can be made."""

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
def test_running_out_of_memory_while_an_adapter_is_laid_out_harms_no_other(left: int) -> None:
    model = Model()
    like = torch.zeros(0).as_subclass(Short)
    like.left = 1000
    model.live = ActiveAdapters(model.projections, like)
    there = [adapter("a", 2, ["q", "down"]), adapter("b", 2, ["v"])]
    for known in there:
        model.live.activate(known)
    new = adapter("c", 8, list(OUT))
    like.left = left
    with pytest.raises(RuntimeError, match="not enough memory"):
        model.live.activate(new)
    model.live.deactivate(new)
    for later in (adapter("d", 4, ["q", "v"]), new, adapter("e", 16, list(OUT))):
        model.check([Tokens(known, count) for known in (*there, None) for count in (1, 2)])
        like.left = 1000
        model.live.activate(later)
        there.append(later)
    model.check([Tokens(known, count) for known in (*there, None) for count in (1, 2)])


def test_an_adapter_that_cannot_be_laid_out_harms_no_other() -> None:
    model = Model()
    first, second = adapter("a", 2, ["q", "down"]), adapter("b", 2, ["q", "down"])
    model.live.activate(first)
    model.live.activate(second)
    model.live.deactivate(second)  # its matrices are still there
    bad = LoadedAdapter(
        "bad",
        {"q": LoraPair(random(2, INPUTS), random(8, 2), 1), "down": LoraPair(random(2, 1), random(6, 3), 1)},
    )
    with pytest.raises(RuntimeError):
        model.live.activate(bad)
    model.live.deactivate(bad)
    model.live.activate(second)
    model.check([Tokens(first), Tokens(second), Tokens(None), Tokens(second, 2)])
