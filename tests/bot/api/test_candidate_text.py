"""The text of a candidate under a card, as it grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.api.candidate_text import CandidateText, RawText, open_text
from bot.chat.text_steps import open_own_words
from bot.prompt.builder import Prompt
from tests.complexity.growth import MOST, Work, count_work, growth
from tests.conftest import MARA

PROMPT = Prompt((1,), (), speakers=("User", "Ana"), recent=frozenset({"User"}), lines=("User: Hello",))
WORDS = st.sampled_from(
    [
        "Mara: ",
        "User: ",
        "Ana: ",
        "Note: ",
        "\n",
        "\n\n",
        " ",
        "aye",
        "the light",
        ".",
        "```",
        "- a",
        "[Reply to ",
        "猫",
    ]
)


def joined(text: CandidateText, pieces: list[str]) -> str:
    return "".join([*(text.feed(piece) for piece in pieces), text.finish()])


@given(st.lists(WORDS, max_size=12))
def test_the_deltas_together_are_the_own_words_of_the_whole_text(pieces: list[str]) -> None:
    own_words = open_own_words(MARA, PROMPT.speakers, PROMPT.lines, PROMPT.recent)
    whole = own_words.read("".join(pieces), whole=True)
    assert joined(open_text(MARA, PROMPT, ""), pieces) == whole


@pytest.mark.parametrize(
    ("begun", "pieces", "text"),
    [
        ("The", [" lamp", " is lit."], " lamp is lit."),
        ("The ", ["lamp"], "lamp"),
        ("  The", [" lamp"], " lamp"),
        ("The lamp.\n", ["Mara: Aye."], "Aye."),
        ("The lamp", [" is lit.\nAna: Is it?\nMara: Aye."], " is lit."),
        ("The lamp", [], ""),
    ],
)
def test_a_beginning_that_the_client_has_is_not_sent_again(begun: str, pieces: list[str], text: str) -> None:
    assert joined(open_text(MARA, PROMPT, begun), pieces) == text


def test_a_beginning_with_others_words_is_gone_on_from_as_it_is() -> None:
    assert isinstance(open_text(MARA, PROMPT, "Mara: Aye.\nAna: Is"), RawText)


def test_the_work_for_a_line_that_never_ends_grows_with_its_length() -> None:
    works = [work_on_line(2_000), work_on_line(8_000)]
    assert growth(*works) <= MOST**2


def work_on_line(pieces: int) -> Work:
    return count_work(lambda: joined(open_text(MARA, PROMPT, ""), ["the light "] * pieces))
