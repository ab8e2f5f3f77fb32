"""Macros in card texts."""

import math
import tracemalloc
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.persona.macros import MAX_EXPANDED, MacroContext, expand_macros

LONG = MacroContext("M" * 100, "u" * 40, original="o" * 10_000)
SCENE = MacroContext("Mara", "Ann", original="Be kind.", seed="mara/terminal")


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{{char}} and {{user}}", "Mara and Ann"),
        ("{{CHAR}} {{User}} {{ char }} {{bot}}", "Mara Ann Mara Mara"),
        ("<BOT> <USER> <char> <Char>", "Mara Ann Mara Mara"),
        ("{{original}} Be brief.", "Be kind. Be brief."),
        ("a{{// a remark}}b{{comment: another}}c{{hidden_key:secret}}d", "abcd"),
        ("{{reverse:abc}}", "cba"),
        ("{{random:A}}{{pick:B}}", "AB"),
        (r"{{pick:A\,B}}", "A,B"),
        (r"{{random:a\,b\,c}}", "a,b,c"),
        ("{{newline}}a{{br}}{{newline::2}}b{{space}}", "\na\n\n\nb "),
        ("{{charIfNotGroup}} {{group}} <GROUP> {{char:x}} {{random_user_1}}", "Mara Mara Mara Mara Ann"),
        ("{{roll:1}}{{roll:d1}}{{roll: D1 }}", "111"),
    ],
)
def test_a_macro_is_replaced(text: str, expanded: str) -> None:
    assert expand_macros(text, SCENE) == expanded


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
        "{{setvar::mood::calm}}{{getvar::mood}}{{.mood}}{{$mood}}{{incvar::n}}",
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


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("{{reverse:{{char}}}}", "araM"),
        ("{{pick:{{user}}}}", "Ann"),
        ("{{unknown:{{user}}}}", ""),
        ("{{ {{user}} }}", "Ann"),
        ("{{reverse:" * 9 + "ab" + "}}" * 9, ""),
        ("{{a" * 9 + "{{user}}" + "}}" * 9 + "b", "{{a" * 8 + "}}" * 8 + "b"),
        ("{{// {{char}} sleeps }}.", "."),
        ("{{{char}}}", "{Mara}"),
        ("{{char {{char}}", "{{char Mara"),
        ("{{char}} }} {{user}}", "Mara }} Ann"),
        ("{{reverse:" * 8 + "ab" + "}}" * 8, "ab"),
        ("{{pick:<BOT>}}", "Mara"),
    ],
)
def test_an_inner_macro_is_replaced_first(text: str, expanded: str) -> None:
    assert expand_macros(text, SCENE) == expanded


@pytest.mark.parametrize("name", ["{{char}}", "{{roll:6}}", "<BOT>", "{{// }}", "{{", "}}"])
def test_a_name_that_looks_like_a_macro_stays_a_name(name: str) -> None:
    assert (
        expand_macros("{{user}} meets <USER> and {{char}}", MacroContext("Mara", name))
        == f"{name} meets {name} and Mara"
    )


@pytest.mark.parametrize("text", ["{{random:A,B,C,D}}", "{{pick:A,B,C,D}}", "{{roll:d4}}"])
def test_chance_falls_alike_for_equal_seeds_and_otherwise_for_others(text: str) -> None:
    drawn = [expand_macros(text, MacroContext("Mara", "Ann", seed=str(number))) for number in range(100)]
    assert drawn == [
        expand_macros(text, MacroContext("Mara", "Ben", seed=str(number))) for number in range(100)
    ]
    assert len(set(drawn)) == 4


def test_dice_show_every_side_and_no_other() -> None:
    drawn = {
        expand_macros("{{roll:6}}", MacroContext("Mara", "Ann", seed=str(number))) for number in range(200)
    }
    assert drawn == set("123456")


@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        "}" * 100_000,
        "{{a" * 50_000,
        "{{a" * 50_000 + "}}" * 50_000,
        "{{" + "{ a" * 50_000,
        "{{" + "}a" * 50_000,
        "{{reverse:" * 20_000 + "}}" * 20_000,
        "{{random:" + "\\," * 50_000 + "}}",
        "<" * 100_000,
    ],
    ids=range(9),
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    assert len(expand_macros(text, SCENE, "text", 10**6)) <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * (MAX_EXPANDED + 1),
        "{{char}}" * 25_000,
        "<BOT>" * 30_000,
        "{{original}}" * 100,
        "{{reverse:{{char}}}}" * 20_000,
        "{{random:" + "{{char}}," * 25_000 + "}}",
        "{{// {{char}} }}" * 20_000,
        "{{unknown:{{user}}}}" * 20_000,
        ("{{a" * 9 + "{{char}}" * 2 + "}}" * 9) * 10_000,
    ],
    ids=range(9),
)
def test_a_text_that_multiplies_is_refused_before_it_is_made(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as caught:
            expand_macros(text, LONG, "scenario")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(caught.value) == (
        f'{"M" * 100}\'s "scenario" has more than 200,000 characters with its macros expanded: '
        "shorten it, or use fewer macros"
    )
    assert peak < 64 * len(text) + 16 * MAX_EXPANDED


TOKENS = [
    "{{",
    "}}",
    "{",
    "}",
    ":",
    ",",
    "\\",
    "char",
    "user",
    "roll",
    "random",
    "pick",
    "reverse",
    "//",
    "<BOT>",
    "d6",
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(TOKENS) | st.text(max_size=3), max_size=30).map("".join))
def test_any_text_is_expanded_and_alike_each_time(text: str) -> None:
    assert expand_macros(text, SCENE) == expand_macros(text, SCENE)


@settings(deadline=None)
@given(st.lists(st.sampled_from(TOKENS) | st.text(max_size=3), max_size=30).map("".join), st.integers(0, 200))
def test_no_text_expands_to_more_than_the_limit(text: str, limit: int) -> None:
    try:
        expanded = expand_macros(text, SCENE, "text", limit)
    except UserError:
        return
    assert len(expanded) <= limit + 2 * text.count("{{")


@settings(deadline=None)
@given(st.text())
def test_a_text_without_marks_is_not_changed(text: str) -> None:
    text = text.replace("{", "(").replace("<", "(")
    assert expand_macros(text, SCENE) == text
