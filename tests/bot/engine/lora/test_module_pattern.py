"""Patterns of module names match as PEFT's regular expressions do, or are refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.lora.module_pattern import ModulePattern, PatternTable, UnknownPattern
from tests.complexity.growth import MOST, count_work, growth

NAMES = (
    "model.layers.0.self_attn.q_proj",
    "model.layers.11.mlp.up_proj",
    "model.language_model.layers.1.self_attn.v_proj",
    "lm_head",
    "a.b1",
)
PIECES = (
    *(
        "q_proj",
        "(q|v)_proj",
        ".*",
        r"\d+",
        "layers",
        r"\.",
        ".",
        "[0-9]*",
        "(?:a|b)",
        "self_attn",
        "model",
        "1",
    ),
    *("(q_proj|up_proj)", "x?", "layers.1", "((a|model)|lm_head)", "|", "^", "$"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), st.sampled_from(NAMES))
def test_a_pattern_matches_as_pefts_does(pattern: str, name: str) -> None:
    try:
        followed = ModulePattern(pattern)
    except UnknownPattern:
        return
    assert followed.matches(name) == bool(re.match(rf"(.*\.)?({pattern})$", name))


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|b)*",
        "a**",
        "a{9}",
        "[a-z]",
        "(?=a)",
        r"\w",
        r"(a)\1",
        "(",
        "a)",
        "^a|b",
        "é",
        "a\n",
        "((((((a))))))",
    ],
)
def test_more_of_a_pattern_is_not_followed(pattern: str) -> None:
    with pytest.raises(UnknownPattern):
        ModulePattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [".*" * 50 + "q", ".+" * 50 + "q", "a*" * 50 + "q", "(a|a|a)" * 20 + "q", "a?" * 50 + "q", "[0-9]*" * 20],
)
@pytest.mark.parametrize("character", ["a", "a.", "1"])
def test_a_match_takes_time_in_proportion_to_the_name(pattern: str, character: str) -> None:
    table = PatternTable({pattern: 1})
    small, large, huge = (
        count_work(lambda size=size: table.find(character * size)) for size in (300, 600, 1200)
    )
    assert growth(small, large) <= MOST
    assert growth(large, huge) <= MOST


def test_the_first_pattern_that_matches_counts() -> None:
    table = PatternTable({"layers.1.q": 1, ".*q": 2, "q": 3, "v": 4})
    assert [table.find(f"model.layers.{name}") for name in ("1.q", "2.q", "2.v", "2.k")] == [1, 2, 4, None]
