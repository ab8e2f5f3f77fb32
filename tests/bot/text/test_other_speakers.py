"""Roles, rules over lines of others, quotes without an end, and names that may be words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.own_words import OwnWords
from bot.text.tidy import tidy


def own(text: str, *others: str) -> str:
    return tidy(text, "Mara", others=others or ("Ann",), whole=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Assistant: hi", "hi"),
        ("assistant\n\nhi", "hi"),
        ("AI: hi", "hi"),
        ("**Assistant:** hi", "hi"),
        ("[Assistant]: Mara: hi", "hi"),
        ("Assistant (Mara): hi", "hi"),
        ("Mara: Assistant: hi", "hi"),
        ("User: tea?\nAssistant: Here.", "Here."),
        ("Human: tea?\nMara: Here.", "Here."),
        ("Human: tea?\nAI: Here.", "Here."),
        ("Here.\nUser: thanks!\nAssistant: Aye.", "Here."),
        ("Here.\n\n**Human:** thanks!\n**Mara:** Aye.", "Here."),
        ("Here.\nUser:", "Here."),
        ("Here.\nAssistant: one who helps", "Here.\nAssistant: one who helps"),
        ("Two kinds.\nHuman: slow\nAI: fast", "Two kinds.\nHuman: slow\nAI: fast"),
        ("Roles:\nUser: asks\nAssistant: answers", "Roles:\nUser: asks\nAssistant: answers"),
        ("User: one who asks", "User: one who asks"),
        ("ai: love in Japanese", "ai: love in Japanese"),
    ],
)
def test_labels_of_roles_go_as_labels_of_speakers_do(text: str, words: str) -> None:
    assert own(text) == words


def test_a_person_who_is_called_as_a_role_is_a_person() -> None:
    assert own("Assistant: hi", "Assistant") == "Assistant: hi"
    assert own("Tea?\nAssistant: yes\nMara: Here.", "Assistant") == "Tea?"


@pytest.mark.parametrize("rule", ["---", "***", "___", "* * *", "---\n\n---"])
def test_a_rule_goes_with_the_line_of_another_speaker_below_it(rule: str) -> None:
    assert own(f"Aye.\n\n{rule}\n\nAnn: thanks!") == "Aye."
    assert own(f"Aye.\n{rule}\nNote: thanks!\nMara: No.", "Note") == "Aye."
    assert own(f"{rule}\nAnn: tea?\nMara: Here.") == "Here."
    for text in (f"Aye.\n{rule}\nNo.", f"Aye.\n{rule}", f"Aye.\n{rule}\nNote: thanks!"):
        assert own(text, "Note") == text
    assert own(f"Aye.\n{rule}\nMara: No.") == f"Aye.\n{rule}\nNo."


QUOTED, UNKNOWN = "[In reply to Ann: tea?", "[In reply to my letter: tea?"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{UNKNOWN}\nYes.", f"{UNKNOWN}\nYes."),
        (f"{QUOTED}\nYes.", "Yes."),
        ("[In reply to Mara: tea?\nYes.", "Yes."),
        ("[Forwarded from Ann: tea?\nYes.", "Yes."),
        (UNKNOWN, ""),
        (f"{UNKNOWN}\n\n", ""),
        (f"{UNKNOWN}\n  milk\n\nYes.", f"{UNKNOWN}\n  milk\n\nYes."),
        (f"{QUOTED}\n  milk\n\nYes.", "Yes."),
        (f"Aye.\n{UNKNOWN}\nYes.", f"Aye.\n{UNKNOWN}\nYes."),
        (f"Aye.\n{QUOTED}\nYes.", "Aye."),
        (f"Aye.\n{QUOTED}\nYes.]", "Aye."),
        (f"Aye.\n{UNKNOWN}", "Aye."),
        (f"{UNKNOWN}\n{QUOTED}]\nYes.", UNKNOWN),
        ("[In reply to\nYes.", "[In reply to\nYes."),
    ],
)
def test_a_quote_without_its_end_is_one_where_it_names_somebody_or_ends_the_text(
    text: str, words: str
) -> None:
    assert OwnWords(("Mara",), ("Ann",)).read(text, whole=True) == words
    growing = OwnWords(("Mara",), ("Ann",))
    shown = [growing.read(text[:end], whole=False) for end in range(len(text) + 1)]
    assert all(words.startswith(each) for each in shown)
    assert growing.read(text, whole=True) == words


def test_a_line_of_the_prompt_is_known_whatever_blanks_stand_at_its_end() -> None:
    for text in ("Aye.\nNote: x ", "Aye.\nNote: x \nMore."):
        growing = OwnWords(("Mara",), ("Note",), ("Note: x",))
        shown = [growing.read(text[:end], whole=False) for end in range(len(text) + 1)]
        assert {*shown, growing.read(text, whole=True)} <= {"", "A", "Ay", "Aye", "Aye."}
    assert OwnWords(("Mara",), ("Note",), ("Note: x",)).read("Note: x  y", whole=True) == "Note: x  y"


@pytest.mark.parametrize("line", ["1: the quay", "1: the quay ", "1: the quay\u2003"])
def test_a_line_of_the_prompt_is_known_whatever_blanks_it_ended_with_itself(line: str) -> None:
    words = OwnWords(["Mara"], ["1"], [line], ["1"])
    assert words.read("the quay \n1: the quay", whole=True) == "the quay"


DEFINITIONS = "Respiration: the burning of sugar"


@pytest.mark.parametrize("name", ["Osmosis", "Mitochondria", "kraken", "光合作用", "Cellular mitosis"])
def test_a_name_without_a_sign_of_a_person_cuts_where_its_bearer_spoke_lately(name: str) -> None:
    line, more = f"{name}: the making of sugar", "Chlorophyll: the green"
    lately, long_ago = ([name], [name]), ([name, "Ann"], ["Ann"])
    for (others, recent), text, words in (
        (lately, f"Here.\n{line}", "Here."),
        (lately, f"Here.\n{line}\nAnd more.", "Here."),
        (lately, f"Here.\n{line}\nMara: So.", "Here."),
        (lately, f"Here.\nNote: x\n{line}", "Here.\nNote: x\n{line}"),
        (lately, line, ""),
        (lately, f"{line}\nMara: Here.", "Here."),
        (lately, f"{line}\nMore.\nMara: Here.", "Here."),
        (lately, f"Here.\n{line}\n{more}", "Here.\n{line}\n{more}"),
        (lately, f"Here.\n{line}\n\n**{more}", "Here.\n{line}\n\n**{more}"),
        (lately, f"{more}\n{line}\nSo.", "{more}\n{line}\nSo."),
        (long_ago, f"Here.\n{line}", "Here.\n{line}"),
        (long_ago, f"Here.\n{line}\nSo.\nMara: And.", "Here."),
        (long_ago, f"Here.\n{line}\nAnn: tea?", "Here.\n{line}"),
    ):
        read = OwnWords(["Mara"], others, recent=recent).read(text, whole=True)
        assert read == words.format(line=line, more=more), text


@pytest.mark.parametrize(
    "name",
    ["Ann", "Ann Note", "kraken (2)", "neo_x", "xXdarkXx", "Jörg Kramer", "Dragon Slayer9"],
)
def test_a_name_that_tells_a_person_cuts_wherever_it_was_heard(name: str) -> None:
    assert OwnWords(["Mara"], [name], recent=[]).read(f"Here.\n{name}: thanks!", whole=True) == "Here."


WORDS = ("hi", "Ann", "- Ann: hi", "---", "* * *", "[In the harbour]", "[Forward march]", "```", "~~~", "> q")
LABELLED = ("Note: x", "Dear Ann: hi", "Zed: hi", "so:", "", "  set in", "**Zed:** hi", "[12:30] Zed: hi")
PLAIN = st.sampled_from([*WORDS, *LABELLED])
ENDS = st.sampled_from(["\n", "\n\n", "\r\n", "\u2028"])


@given(st.lists(st.tuples(PLAIN, ENDS).map("".join), max_size=10).map("".join))
def test_nothing_is_lost_where_no_name_matches(text: str) -> None:
    assert tidy(text, "Mara", others=("Ann", "kraken"), whole=True) == text.strip()
