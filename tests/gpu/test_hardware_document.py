"""docs/hardware.md says what its command prints, and every card and model of it serves."""

import pytest

from tests.benchmarks.cards import LENGTH, PAIRS, Pair, expect, table
from tests.gpu.models import recommendations, size_of
from tests.paths import ROOT


def test_the_table_is_what_the_command_prints() -> None:
    assert "\n".join(table()) in (ROOT / "docs/hardware.md").read_text("utf-8")


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.cards} {pair.model}")
def test_every_pair_serves_four_conversations(pair: Pair) -> None:
    assert expect(pair).conversations >= 4, f"of {LENGTH} tokens"


@pytest.mark.parametrize("size", sorted({size for size, _ in recommendations()}))
def test_a_recommendation_of_the_settings_for_each_size_is_in_the_table(size: int) -> None:
    recommended = {size_of(name) for memory, name in recommendations() if memory == size}
    assert recommended & {pair.model for pair in PAIRS if pair.memory == size and pair.count == 1}
