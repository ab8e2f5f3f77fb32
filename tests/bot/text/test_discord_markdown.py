"""Discord gets its own Markdown: tables as code, deep headings in bold, and no address hidden by a link."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text.discord_markdown import format_for_discord
from bot.text.masked_links import show_addresses
from bot.text.splitting import split_message
from tests.bot.text.discord_links import masked_links
from tests.bot.text.split_texts import GROWING, HOSTILE, MIXED, letters, wholes

TABLE = "a\n| Name | Nr |\n|---|--:|\n| 漢字 | 1 |\n| **Bo** | 20 |\nb"


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        (TABLE, "a\n```\nName | Nr\n-----+---\n漢字 |  1\nBo   | 20\n```\nb"),
        ("| a |\n|---|\n| ``` |", "```\na\n---\n`\u200b`\u200b`\n```"),
        ("#### **Deep** one", "**Deep one**"),
        ("# One\n## Two\n### Three", "# One\n## Two\n### Three"),
        ("~~~py\nx\n~~~", "```py\nx\n```"),
        ("```py\nnever closed", "```py\nnever closed\n```"),
        ("*waves* **b** __u__ ~~s~~ ||s|| `c`\n> q\n- l", "*waves* **b** __u__ ~~s~~ ||s|| `c`\n> q\n- l"),
        ("2*3*4, x**2 + y**2, `a*b*c`", r"2\*3\*4, x\*\*2 + y\*\*2, `a*b*c`"),
        ("x*y*z", r"x\*y\*z"),
        ("*un*likely and ¯\\_(ツ)_/¯ snake_case_x", "*un*likely and ¯\\_(ツ)_/¯ snake_case_x"),
        ("```\n| a | b |\n|---|---|\n#### x\n```", "```\n| a | b |\n|---|---|\n#### x\n```"),
    ],
)
def test_a_text_as_discord_shows_it(source: str, sent: str) -> None:
    assert format_for_discord(source) == sent


@pytest.mark.parametrize(
    "code",
    ["`rows[i](x)`", "`[a](https://x.example)`", "```md\n[a](https://x.example)\n```", "x `f[0](y)` z"],
)
def test_code_with_brackets_stays_as_it_is(code: str) -> None:
    assert show_addresses(code) == code


@pytest.mark.parametrize(
    "text",
    [
        "[a](https://x.example)",
        "[click `](https://x.example)` y",
        "**a `b** [x](https://x.example) `",
        "https://y.example/` [b](https://x.example)`",
        "*a\n```\nb* [c](https://x.example)\n```",
        "# a `b\n[c](https://x.example)`",
        "`a` [b](https://x.example) `c`",
        "[x `a]](https://x.example)`",
        "\\`[a](https://x.example)\\`",
    ],
)
def test_a_link_that_discord_may_show_masked_shows_its_address(text: str) -> None:
    assert "](" not in show_addresses(text)


@pytest.mark.parametrize("limit", [40, 60])
def test_a_table_survives_a_split(limit: int) -> None:
    rows = "\n".join(f"| {number} | word |" for number in range(30))
    parts = wholes(split_message(format_for_discord(f"| n | w |\n|---|---|\n{rows}"), limit))
    assert len(parts) > 3
    assert all(part.startswith("```\n") and part.endswith("\n```") for part in parts)
    lines = [line for part in parts for line in part.split("\n")[1:-1]]
    assert lines[2:] == [f"{number:<2} | word" for number in range(30)]


@settings(deadline=None, max_examples=300)
@given(MIXED | HOSTILE)
def test_no_word_is_lost_on_discord(source: str) -> None:
    assert letters(format_for_discord(source)) == letters(source)


@pytest.mark.parametrize("source", GROWING)
def test_a_growing_text_has_no_open_mark(source: str) -> None:
    for end in range(1, len(source) + 1):
        text = format_for_discord(source[:end], is_growing=True)
        for mark in ("**", "~~", "||", "`"):
            assert text.count(mark) % 2 == 0, (source[:end], text)


LINKS = ["[a](https://x.example)", "[", "](https://x.example)", "(https://x.example)", "https://y.example/"]
MARKS = [*"]`*_\\<b \n", "``", "```", "```\n", "```py\n", "**", "__", "~~", "||", "# ", "> "]
LINKED = st.lists(st.sampled_from(LINKS + MARKS), max_size=14).map("".join)


@settings(deadline=None, max_examples=500)
@given(LINKED)
def test_no_link_is_left_that_discord_shows_masked(source: str) -> None:
    assert list(masked_links(format_for_discord(source))) == []


@pytest.mark.parametrize(
    "text", ["[a](https://x.example)", "**[a](<https://x.example>)**", "> [](http://x.example)"]
)
def test_the_reading_of_discord_finds_masked_links(text: str) -> None:
    assert len(list(masked_links(text))) == 1
