"""Macros of other programs: choices, moments, a card's own texts, and what is removed or stays."""

import math
from dataclasses import replace
from datetime import datetime

import pytest

from bot.errors import UserError
from bot.persona.macros import MacroContext, expand_macros
from tests.bot.persona.test_macros import SCENE


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("{{random::Sit::Stand}}", {"Sit", "Stand"}),
        ("{{random: red , blue }}", {"red", "blue"}),
        ("{{pick::a::b}}", {"a", "b"}),
        ("{{ PICK :: a b :: c }}", {"a b", "c"}),
        ("{{random::a, b::c}}", {"a, b", "c"}),
        ("{{random::x,y}}", {"x", "y"}),
        ("{{random::{{user}}::b}}", {"Ann", "b"}),
        ("{{random::a::{{pick::b::c}}}}", {"a", "b", "c"}),
        ("{{roll:1d6}}", set("123456")),
        ("{{roll 1d6}}", set("123456")),
        ("{{roll:: 2D1+3 }}", {"5"}),
        ("{{roll:d4-1}}", set("0123")),
    ],
)
def test_both_dialects_of_choices_are_read(text: str, choices: set[str]) -> None:
    """LostRuins/lite.koboldai.net#118: never "::" before people's eyes, and no blanks around a choice."""
    drawn = {expand_macros(text, MacroContext("Mara", "Ann", seed=str(number))) for number in range(200)}
    assert drawn == choices


def test_a_variable_has_its_value_from_where_it_is_set_on() -> None:
    text = "{{getvar::x}}{{setvar::x::{{user}}::b}}[{{getvar:: x }}]{{setvar::x}}[{{getvar::x}}]"
    assert expand_macros(text, SCENE) == "[Ann::b][]"


def test_variables_that_double_are_refused() -> None:
    text = "{{setvar::x::aaaaaaaa}}" + "{{setvar::x::{{getvar::x}}{{getvar::x}}}}" * 40 + "{{getvar::x}}"
    with pytest.raises(UserError, match="with its macros expanded"):
        expand_macros(text, SCENE)


@pytest.mark.parametrize("text", ["{{random:{{user}},x}}", "{{pick::{{user}}::x}}"])
def test_a_name_is_never_divided_into_choices(text: str) -> None:
    drawn = {expand_macros(text, MacroContext("Mara", "A::b,c", seed=str(number))) for number in range(50)}
    assert drawn == {"A::b,c", "x"}


MOMENT = datetime(2026, 3, 5, 7, 8, 9).timestamp()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{{time}} {{isotime}}", "07:08 07:08"),
        ("{{date}} {{ISODATE}}", "2026-03-05 2026-03-05"),
        ("{{weekday}}", "Thursday"),
        ("{{datetimeformat DD.MM.YYYY HH:mm}}", "05.03.2026 07:08"),
        ("{{datetimeformat::dddd [the] D MMMM, h A}}", "Thursday the 5 March, 7 AM"),
        ("{{datetimeformat:" + "Y" * 200 + "}}", "2026-03-05 07:08"),
        ("{{idle_duration}}{{timeDiff::a::b}}", ""),
    ],
)
def test_a_moment_is_shown_where_there_is_one_and_else_nothing(text: str, shown: str) -> None:
    assert expand_macros(text, replace(SCENE, time=MOMENT)) == shown
    assert expand_macros(text, SCENE).strip() == ""


def test_a_time_zone_may_be_named() -> None:
    times = {expand_macros(text, replace(SCENE, time=0.0)) for text in ("{{time_UTC-2}}", "{{time::UTC-2}}")}
    assert times == {"22:00"}


@pytest.mark.parametrize("time", [1e300, -1e300, math.inf, math.nan, 1e15])
def test_a_moment_that_is_no_date_is_removed(time: float) -> None:
    assert expand_macros("a{{time}}{{time_UTC+2}}b", replace(SCENE, time=time)) == "ab"


def test_a_cards_own_texts_can_be_named_but_never_in_a_circle() -> None:
    """LostRuins/lite.koboldai.net#118, {{scenario}}"""
    scene = replace(SCENE, texts=(("scenario", "{{char}} waits. {{scenario}}"), ("personality", "Dry.")))
    assert expand_macros("{{Scenario}}{{personality}}{{description}}", scene) == "Mara waits. Dry."


@pytest.mark.parametrize(
    "text",
    [
        "{{unknown}}",
        "{{unknown:x}}",
        "{{unknown::x::{{user}}}}",
        "{{unknown x}}",
        '{{banned "delve"}}',
        "{{setvar::mood::calm}}{{getvar::other}}{{.mood}}{{$mood}}{{incvar::n}}",
        "{{#if mood}}{{else}}{{/if}}{{? 1 + 2}}",
        "{{img::a.png}}{{asset:b}}{{trim}}{{noop}}{{model}}{{lastMessage}}",
        "{{random}}{{random:}}{{pick}}{{reverse:}}{{comment}}{{roll}}",
        "{{roll:0}}{{roll:d}}{{roll:-1}}{{roll:1.5}}{{roll:d6d6}}{{roll:²}}{{roll:101d6}}{{roll:0d6}}",
        "{{roll:" + "9" * 5000 + "}}",
        "{{角色名}}",
        "{{a::b}}",
    ],
)
def test_a_macro_without_a_value_is_removed(text: str) -> None:
    """LostRuins/lite.koboldai.net#118"""
    assert expand_macros(f"[{text}]", SCENE) == "[]"


@pytest.mark.parametrize(
    "text",
    [
        "{{}} {{:}} {{ }}",
        "{char} {user} <START> <bots> < USER>",
        "{{char",
        "char}}",
        "}}{{",
        "{{{",
        r"\frac{{ab}}{{cd}} \textbf{{word}} x_{{ij}} x^{{n}}",
        "{{ user.name | upper }} {{ user | upper }} {{ f(x) }} {{ 1 + 2 }} {{ x }}",
        '<p style={{ color: "red" }}> ${{ secret }} f"{{a}}" {{"a": 1}}',
        "{% if a %}",
    ],
)
def test_braces_that_are_no_macro_stay(text: str) -> None:
    assert expand_macros(text, SCENE) == text
