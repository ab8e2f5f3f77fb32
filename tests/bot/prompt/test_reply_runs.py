"""Runs of speakers tell whether a reply is near its message, as looking back step by step does."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.message import Author, Message, Place
from bot.prompt.reply_runs import ReplyRuns

PLACE = Place("test", "bot", "room")


def history_of(lines: list[tuple[str, int]]) -> list[Message]:
    """Messages by speaker, each a reply so many messages back: 0 is none, past the first one is unknown."""
    return [
        Message(PLACE, str(at), Author(name, name), "x", 0.0, reply_to=str(at - back) if back else None)
        for at, (name, back) in enumerate(lines)
    ]


def by_looking_back(history: list[Message], parent: int, at: int, speaker: str) -> bool:
    def author(at: int) -> str:
        return history[at].author.id

    def goes_on(at: int) -> bool:
        replied = int(history[at].reply_to or -1)
        return author(at) == speaker and (replied < 0 or author(replied) == author(parent))

    while at > 0 and goes_on(at - 1):
        at -= 1
    while at > 0 and author(at - 1) == author(parent):
        at -= 1
    return at <= parent


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6)), min_size=1, max_size=14))
def test_runs_say_what_looking_back_says(lines: list[tuple[str, int]]) -> None:
    history = history_of(lines)
    runs = ReplyRuns(
        history, {message.id: at for at, message in enumerate(history)}, lambda message: message.author.id
    )
    for at in range(len(history) + 1):
        for speaker in "abc":
            for parent in range(len(history)):
                assert runs.are_near(parent, at, speaker) == by_looking_back(history, parent, at, speaker)
