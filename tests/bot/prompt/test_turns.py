"""Who said what, and in reply to what: quotes stand where the conversation does not show it."""

import pytest

from bot.message import Author, Message, Place
from bot.persona.card import Card
from bot.persona.persona import Persona
from bot.prompt.speaker_labels import speaker_labels
from bot.prompt.turns import MAX_QUOTE, history_turns, missing_parents

PLACE = Place("test", "bot", "room")
MARA = Persona("mara", Card(name="Mara"))
OLD = {"old": Message(PLACE, "old", Author("bo", "Bo"), "the\n old  days", 0.0)}


def message(id: str, name: str, text: str, reply_to: str | None = None) -> Message:
    own = name == "Mara"
    author = Author("persona:mara" if own else name.casefold(), name)
    return Message(PLACE, id, author, text, 0.0, reply_to=reply_to, persona="mara" if own else None)


def lines(history: list[Message], reply_to: str | None = None) -> list[str]:
    names = speaker_labels([*history, *OLD.values()], MARA)
    turns = history_turns(history, names, MARA, OLD, reply_to)
    return [f"{turn.role}: {turn.parts[0].text}" for message in turns for turn in message]


ANA, BO = message("1", "Ana", "tea?"), message("2", "Bo", "milk!")


@pytest.mark.parametrize(
    ("history", "shown"),
    [
        ([ANA, message("2", "Bo", "yes", "1")], ["user: Ana: tea?", "user: Bo: yes"]),
        (
            [ANA, BO, message("3", "Mara", "with pleasure", "1")],
            [
                "user: Ana: tea?",
                "user: Bo: milk!",
                "user: [In reply to Ana: tea?]",
                "assistant: with pleasure",
            ],
        ),
        (
            [
                ANA,
                message("2", "Ana", "hm?"),
                message("3", "Mara", "yes", "1"),
                message("4", "Mara", "now", "2"),
            ],
            ["user: Ana: tea?", "user: Ana: hm?", "assistant: yes", "assistant: now"],
        ),
        (
            [
                ANA,
                message("2", "Bo", "milk?"),
                message("3", "Mara", "yes", "1"),
                message("4", "Mara", "no", "2"),
            ],
            [
                "user: Ana: tea?",
                "user: Bo: milk?",
                "user: [In reply to Ana: tea?]",
                "assistant: yes",
                "user: [In reply to Bo: milk?]",
                "assistant: no",
            ],
        ),
        (
            [ANA, message("2", "Mara", "yes"), message("3", "Bo", "why", "1")],
            ["user: Ana: tea?", "assistant: yes", "user: [In reply to Ana: tea?]", "user: Bo: why"],
        ),
        (
            [message("1", "Mara", "a"), ANA, message("3", "Bo", "b", "nobody knows")],
            ["assistant: a", "user: Ana: tea?", "user: Bo: b"],
        ),
        ([message("3", "Ana", "ah", "old")], ["user: [In reply to Bo: the old days]", "user: Ana: ah"]),
    ],
)
def test_a_message_quotes_what_it_replies_to_unless_that_came_right_before(
    history: list[Message], shown: list[str]
) -> None:
    assert lines(history) == shown


@pytest.mark.parametrize(
    ("reply_to", "shown"),
    [
        ("1", ["user: Ana: tea?", "user: Bo: milk!", "user: [In reply to Ana: tea?]"]),
        ("2", ["user: Ana: tea?", "user: Bo: milk!"]),
        ("old", ["user: Ana: tea?", "user: Bo: milk!", "user: [In reply to Bo: the old days]"]),
        (None, ["user: Ana: tea?", "user: Bo: milk!"]),
    ],
)
def test_the_coming_answer_quotes_what_it_replies_to_as_it_will_in_the_history(
    reply_to: str | None, shown: list[str]
) -> None:
    assert lines([ANA, BO], reply_to) == shown
    assert lines([ANA, BO, message("3", "Mara", "yes", reply_to)]) == [*shown, "assistant: yes"]


def test_a_long_quote_is_shortened_to_what_is_enough_to_know_it_again() -> None:
    history = [message("1", "Ana", "x" * 500), BO, message("3", "Ana", "this", "1")]
    assert lines(history)[2] == f"user: [In reply to Ana: {'x' * (MAX_QUOTE - 1)}…]"


def test_what_is_missing_is_every_message_replied_to_outside_the_history() -> None:
    history = [message("2", "Ana", "a", "1"), message("3", "Bo", "b", "2"), message("4", "Ana", "c", "1")]
    assert missing_parents(history, "0") == ["1", "0"]
