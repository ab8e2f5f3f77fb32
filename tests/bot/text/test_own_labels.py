"""The speaker's own label goes in any dress, before the text and before later lines, whole or growing.

riverscuomo/cuomputer#77; SillyTavern/SillyTavern#5630.
"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.own_words import OwnWords
from bot.text.tidy import tidy

NAMES = ("Mara", "Mara Quill")
AT_THE_BEGINNING = ["Mara\nhi", "Mara\n\nhi", "[12:30] Mara: hi", "(2026-05-01 12:30 PM) **Mara:** hi"]
DRESSED = [
    *(
        "Mara: hi",
        "Mara:hi",
        "Mara : hi",
        "Mara：hi",
        "MARA: hi",
        "mara: hi",
        "Mara:: hi",
        "Mara:\nhi",
        "Mara:\n\nhi",
    ),
    *(
        "**Mara:** hi",
        "**Mara**: hi",
        "*Mara*: hi",
        "*Mara:* hi",
        "__Mara__: hi",
        "_Mara:_ hi",
        "***Mara:*** hi",
    ),
    *("~~Mara~~: hi", "||Mara:|| hi", "`Mara`: hi", "`Mara:` hi", '"Mara": hi', "“Mara”: hi", "'Mara:' hi"),
    *(
        "[Mara]: hi",
        "[Mara:] hi",
        "[Mara] hi",
        "<Mara> hi",
        "<Mara>: hi",
        "(Mara): hi",
        "{Mara}: hi",
        "【Mara】hi",
    ),
    *("Mara> hi", "@Mara: hi", "# Mara\nhi", "### Mara:\nhi", "**Mara**\nhi", "[Mara]\nhi", "**[Mara]:** hi"),
    *(
        "Mara (smiling): hi",
        "Mara [softly]: hi",
        "Mara *waves*: hi",
        "**Mara** (smiling): hi",
        "Mara (a) [b]: hi",
    ),
    *("🦊 Mara: hi", "Mara 🦊: hi", "🦊 **Mara** 🦊: hi", "**Mara** - hi", "[Mara] — hi", "  Mara: hi"),
    *(
        "Mara: Mara: hi",
        "Mara: **Mara:** hi",
        "[Mara]: Mara: [Mara] hi",
        "Mara:\nMara: hi",
        "**Mara**\n\nMara: hi",
    ),
    *("Mara Quill: hi", "**Mara Quill:** Mara: hi", "MARA QUILL (smiling): hi"),
]
PLAIN = [
    *(
        "Mara is my name",
        "Mara",
        "**Mara**",
        "*Mara smiles.* Hi",
        "Mara (the keeper) sleeps.",
        "Mara, hi: there",
    ),
    *(
        "Maranne: hi",
        "Mara2: hi",
        "Samara: hi",
        "my full name: Mara: keeper",
        "I, Mara: keeper",
        "Mara's: hi",
    ),
    *(
        "Mara - the keeper - sleeps",
        "Mara — that is me",
        "Mara :)",
        "Mara :) hi",
        "Mara ;-) hi",
        "Mara:// hi",
    ),
    *(
        "```\nMara: hi\n```",
        "Look:\n```py\nMara: 1\n```\nok",
        "~~~\nMara: hi\n~~~",
        "- Mara: hi",
        "* Mara: hi",
    ),
    *(
        "> Mara: hi",
        "1. Mara: hi",
        "| Mara: | hi |",
        "[Mara](https://x.example) is me",
        "Who:\nBo: a\nMara: b",
    ),
]


def previews(text: str, others: tuple[str, ...] = ()) -> list[str]:
    return [tidy(text[:end], *NAMES, others=others) for end in range(len(text) + 1)]


@pytest.mark.parametrize("text", AT_THE_BEGINNING)
def test_a_bare_name_or_a_time_at_the_beginning_goes(text: str) -> None:
    assert tidy(text, *NAMES, whole=True) == "hi"
    assert set(previews(text)) <= {"", "h", "hi"}


@pytest.mark.parametrize("text", DRESSED)
def test_the_own_label_goes_in_any_dress(text: str) -> None:
    assert tidy(text, *NAMES, whole=True) == "hi"
    assert set(previews(text)) <= {"", "h", "hi"}


def test_blanks_before_a_growing_text_are_no_part_of_it() -> None:
    reader, text = OwnWords(NAMES), " " * 30 + "\n\n" + " " * 30 + "Mara: hi"
    shown = [reader.read(text[:end], whole=False) for end in range(len(text) + 1)]
    assert (set(shown), shown[-1]) == ({"", "hi"}, "hi")  # "h" may become the label "Human:"


@given(st.deferred(lambda: TEXTS))
def test_a_reader_that_goes_on_reads_as_one_that_begins_anew(text: str) -> None:
    others = ("Ann", "Ann (2)", "Bo", "Note", "https", "1", "x", "kraken")
    reader = OwnWords(NAMES, others)
    assert [reader.read(text[:end], whole=False) for end in range(len(text) + 1)] == previews(text, others)
    assert reader.read(text, whole=True) == tidy(text, *NAMES, others=others, whole=True)


@pytest.mark.parametrize("text", DRESSED)
def test_the_own_label_goes_before_later_lines(text: str) -> None:
    assert tidy(f"Well.\n{text}\nAye.", *NAMES, whole=True) == "Well.\nhi\nAye."
    assert set(previews(f"Well.\n{text}")) <= {"", "W", "We", "Wel", "Well", "Well.", "Well.\nh", "Well.\nhi"}


@pytest.mark.parametrize("text", PLAIN)
def test_the_name_stays_where_it_is_a_word(text: str) -> None:
    assert tidy(text, *NAMES, others=("Bo",), whole=True) == text
    shown = previews(text, ("Bo",))
    assert all(text.startswith(each) for each in shown)


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("Hi.\nMara: And you?", "Hi.\nAnd you?"),
        ("Hi.\nMara:\nAnd you?", "Hi.\nAnd you?"),
        ("Hi.\n\nMara: And you?\nMara: So?", "Hi.\n\nAnd you?\nSo?"),
        ("Mara: ```py\nMara: 1\n```\nMara: hi", "```py\nMara: 1\n```\nhi"),
        ("```x```\nMara: hi", "```x```\nhi"),
        ("So ```py\nMara: 1\n``` and\nMara: hi", "So ```py\nMara: 1\n``` and\nhi"),
        ("~~~\n```\nMara: 1\n~~~\nMara: hi", "~~~\n```\nMara: 1\n~~~\nhi"),
        ("**Mara: hi**", "**hi**"),
        ('"Mara: hi"', '"hi"'),
        ("Mara: *waves* hi", "*waves* hi"),
        ("Mara: **bold** hi", "**bold** hi"),
        ("Mara: :) hi", ":) hi"),
        ("Mara:", ""),
        ("Hi.\nMara:", "Hi."),
    ],
)
def test_what_stands_around_a_label_stays(text: str, tidied: str) -> None:
    assert tidy(text, *NAMES, whole=True) == tidied


LABELS = st.sampled_from(
    [text.removesuffix("hi") for text in DRESSED if text.endswith("hi")]
    + [
        "Ann: ",
        "**Ann:** ",
        "[Ann]: ",
        "Ann (2): ",
        "Note: ",
        "Assistant: ",
        "User: ",
        "AI: ",
        "kraken: ",
        "<Note> ",
        "https://",
        "1: ",
        "Bo:",
        "Ann, ",
        "Total: ",
    ]
)
WORDS = st.sampled_from(
    [
        "hi",
        "",
        " ",
        "**",
        "so:",
        "```",
        "```py",
        "~~~",
        "- a",
        "Ann",
        "Mara",
        "(",
        "*",
        "x: y",
        "好",
        ":",
        "\t",
        "> q",
        "---",
        "[In reply to Ann: tea?",
        "[In reply to Ann: tea?]",
    ]
)
LINES = st.tuples(st.one_of(LABELS, st.just("")), st.one_of(WORDS, st.text(max_size=5))).map("".join)
ENDS = st.sampled_from(["\n", "\n\n", "\r\n", "\r", "\u2028", " "])
TEXTS = st.lists(st.tuples(LINES, ENDS).map("".join), max_size=8).map("".join)


@given(TEXTS)
def test_a_preview_shows_only_a_beginning_of_what_the_whole_will_show(text: str) -> None:
    others = ("Ann", "Ann (2)", "Bo", "Note", "https", "1", "x", "kraken")
    whole = tidy(text, *NAMES, others=others, whole=True)
    shown = [*previews(text, others), whole]
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))
