"""Macros in card texts."""

import tracemalloc

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
