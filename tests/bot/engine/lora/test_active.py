"""Every token goes through its own adapter, as by the plain formula, in any batch."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.batch_mapping import adapter_batch_of
from tests.bot.engine.lora.lora_model import OUT, Model, Tokens, adapter, kv_slots

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
def test_any_batch_is_the_plain_formula_while_adapters_come_and_go(events: list[tuple[str, Any]]) -> None:
    model = Model()
    there: list[LoadedAdapter] = []
    for event, what in events:
        if event == "enter":
            model.active.activate(model.adapters[what])
            there.append(model.adapters[what])
        elif event == "leave" and there:
            model.active.deactivate(there.pop(what % len(there)))
        elif event == "replace":
            was = model.adapters[what]
            model.adapters[what] = adapter(was.name, max(was.rank, 1) + 1, list(was.pairs))
        elif event == "step":
            users = [*dict.fromkeys(there), None]
            model.check([Tokens(users[n % len(users)], count, strength) for n, count, strength in what])
        slots = sorted(model.active.slot_of(loaded) for loaded in set(there))
        assert slots == list(range(len(slots)))


@pytest.mark.parametrize("count", [1, 4])
def test_ranks_and_layers_may_differ_in_one_batch(count: int) -> None:
    model = Model()
    for loaded in model.adapters:
        model.active.activate(loaded)
    mixed = [*model.adapters, None, *reversed(model.adapters), None]
    model.check([Tokens(loaded, count) for loaded in mixed])


def test_strengths_may_differ_under_one_adapter() -> None:
    model = Model()
    whole = model.adapters[4]
    model.active.activate(whole)
    model.check([Tokens(whole, count, strength) for count in (1, 3) for strength in (0.0, 0.5, 1.0, 1.5)])


def test_sequences_without_an_adapter_go_through_none() -> None:
    model = Model()
    model.active.activate(model.adapters[4])
    one, other = kv_slots(2)
    assert (
        adapter_batch_of(ForwardBatch([TokenSpan(one, (1,)), TokenSpan(other, (1, 2))], "cpu"), gather=False)
        is None
    )
    model.check([Tokens(None), Tokens(None, 3)])


def test_more_adapters_and_larger_ranks_leave_active_adapters_as_they_are() -> None:
    model = Model()
    there: list[LoadedAdapter] = []
    for rank in (1, 2, 8, 3, 16, 16, 32):
        there.append(adapter(str(rank), rank, list(OUT)))
        model.active.activate(there[-1])
        model.check([Tokens(loaded, count) for loaded in there for count in (1, 2)])


def test_an_adapter_that_was_deactivated_last_is_still_in_a_slot() -> None:
    model = Model()
    first, second = model.adapters[4], model.adapters[2]
    model.active.activate(first)
    model.active.activate(second)
    model.active.deactivate(second)
    model.active.activate(second)
    model.check([Tokens(first), Tokens(second), Tokens(None)])


def test_an_adapter_stays_active_while_any_request_uses_it() -> None:
    model = Model()
    whole, other = model.adapters[4], model.adapters[2]
    for loaded in (other, whole, whole):
        model.active.activate(loaded)
    model.active.deactivate(whole)
    model.active.deactivate(other)
    model.check([Tokens(whole), Tokens(None), Tokens(whole, 2)])


def test_deactivating_an_inactive_adapter_changes_nothing() -> None:
    model = Model()
    model.active.activate(model.adapters[4])
    model.active.deactivate(model.adapters[2])
    model.check([Tokens(model.adapters[4]), Tokens(None)])


def test_inactive_adapters_take_no_slots() -> None:
    model = Model()
    assert model.active.bytes == 0
    model.active.activate(model.adapters[3])
    assert 0 < model.active.bytes < 4 * sum(layer.inputs * 64 for layer in model.layers)
    assert sum(layer.has_slots for layer in model.layers) == 1
