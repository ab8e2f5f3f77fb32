"""The table [history] of persona.toml: how much of a conversation a persona reads again before it answers."""

from pydantic import Field

from bot.toml import Section

MAX_ROUNDS = 1000


class HistoryLimits(Section):
    """Limits of the history in a prompt; without them as much stands there as the base model reads.

    A round is what others say, and what the persona then answers. The newest round, which waits for its
    answer, is read whatever the limits are.
    """

    rounds: int | None = Field(
        default=None, ge=0, le=MAX_ROUNDS
    )  # answered ones; 0 is no earlier word at all
    tokens: int | None = Field(default=None, ge=1)  # of all messages together, with the template around them
