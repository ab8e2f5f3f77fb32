"""How much of what was said there is room for: whole turns, the newest kept, dropped in large steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.errors import UserError
from bot.message import Message
from bot.persona.persona import Persona
from bot.prompt.renderer import PromptFormat, PromptPart, Turn, render_turns
from bot.prompt.turns import history_turns

SILENCE = Turn("user", (PromptPart("message", ""),))  # what a turn costs when nothing is said
_PROBE = (SILENCE, Turn("assistant", SILENCE.parts), SILENCE)


@lru_cache(maxsize=256)
def rendered_ids(turns: tuple[Turn, ...], reader: PromptFormat) -> tuple[int, ...]:
    """The ids of turns that come in prompt after prompt, since they are the card's."""
    return render_turns(turns, reader)[0]


@dataclass(frozen=True, slots=True)
class HistoryFitter:
    """A history on its way to turns."""

    persona: Persona
    names: Mapping[str, str]
    reader: PromptFormat
    parents: Mapping[str, Message]
    reply_to: str | None

    def turns(self, history: Sequence[Message], dropped: Sequence[Message] = ()) -> list[tuple[Turn, ...]]:
        parents = {**self.parents, **{message.id: message for message in dropped}}
        return history_turns(history, self.names, self.persona, parents, self.reply_to)

    def fit(self, history: Sequence[Message], room: int) -> tuple[int, list[tuple[Turn, ...]]]:
        """The index of the oldest message to keep, and the turns from there on.

        What replies to a message that has been dropped now quotes it, so that even more may have to go.
        """
        start = 0
        while True:
            turns = self.turns(history[start:], history[:start])
            step = _start(self.costs(turns), room, self.reader.kept, self.persona)
            if not step:
                return start, turns
            start += step

    def costs(self, said: Sequence[tuple[Turn, ...]]) -> list[int]:
        """An upper bound of the ids that each message adds: its content and what the template puts around."""
        short, long = (len(rendered_ids(turns, self.reader)) for turns in (_PROBE[:1], _PROBE))
        around = -(-(long - short) // 2) + 1
        costs, role = list[int](), None
        for turns in said:
            cost = 0
            for turn in turns:
                cost += len(self.reader.tokenizer.encode(turn.parts[0].text))
                cost += 1 if turn.role == role else around
                role = turn.role
            costs.append(cost)
        return costs


def _start(costs: Sequence[int], room: int, kept: float, persona: Persona) -> int:
    """The index of the oldest turn to keep: the first one while all fit, else a large step later."""
    if costs and costs[-1] > room:
        raise UserError(
            f"The message is too long: beside its card {persona.name} can read {max(0, room):,} tokens, "
            f"and it has {costs[-1]:,}. Shorten it, or raise model.context."
        )
    if sum(costs) <= room:
        return 0
    start, total = len(costs) - 1, costs[-1]
    while total + costs[start - 1] <= kept * room:
        start -= 1
        total += costs[start]
    return start
