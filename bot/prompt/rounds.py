"""The newest rounds of a history: a round is what others say, and what the persona then answers."""

from collections.abc import Mapping, Sequence

from bot.message import Message
from bot.persona.persona import Persona
from bot.prompt.turns import missing_parents


def read_rounds(
    persona: Persona, history: Sequence[Message], parents: Mapping[str, Message], reply_to: str | None
) -> tuple[Sequence[Message], Mapping[str, Message]]:
    """Return the rounds that a persona reads, and the parents with earlier messages that these reply to."""
    newest = newest_rounds(history, persona.history.rounds, persona.key)
    if len(newest) == len(history):
        return history, parents
    wanted = set(missing_parents(newest, reply_to))
    earlier = history[: len(history) - len(newest)]
    return newest, {**parents, **{message.id: message for message in earlier if message.id in wanted}}


def newest_rounds(history: Sequence[Message], rounds: int | None, persona: str) -> Sequence[Message]:
    """Return the newest round, and as many rounds before it; the whole history where `rounds` is None.

    `persona` is the key of the persona that answers. A greeting, which it said first of all, is a round.
    """
    if rounds is None:
        return history
    for index in range(len(history) - 1, 0, -1):
        if _opens_round(history, index, persona):
            if rounds == 0:
                return history[index:]
            rounds -= 1
    return history


def _opens_round(history: Sequence[Message], index: int, persona: str) -> bool:
    """Return whether somebody else speaks at this index, and the persona right before."""
    return history[index].persona != persona and history[index - 1].persona == persona
