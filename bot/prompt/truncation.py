"""Truncation of the history to a token budget: whole turns, the newest kept, dropped in large steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from bot.errors import UserError
from bot.message import Message
from bot.persona.persona import Persona
from bot.prompt.insertions import Insertion, insert_turns
from bot.prompt.renderer import PromptFormat, PromptPart, Turn, render_turns
from bot.prompt.role_markers import role_markers
from bot.prompt.turns import MAX_QUOTE, MAX_UNSEEN_QUOTE, history_turns
from bot.sized_cache import SizedCache, cached_by_size

MAX_HISTORY_MESSAGES = 2000  # read for a prompt at most: by serving from memory, by training from an export
MAX_CHARACTERS_PER_TOKEN = 16  # more than any tokenizer has: the budget of tokens decides
EMPTY_TURN = Turn("user", (PromptPart("message", ""),))  # a turn without content, for the template's own cost
_IDS: SizedCache[tuple[int, ...]] = SizedCache(2_000_000)  # ids, and characters of the turns
# a first exchange, and a further one: some templates lay a conversation of one message out in another way
_PROBE = (*(EMPTY_TURN, Turn("assistant", EMPTY_TURN.parts)) * 2, EMPTY_TURN)


class PromptTooLong(UserError):
    """A prompt of which not even the card and the newest message fit into the budget."""


def _size(ids: tuple[int, ...], turns: tuple[Turn, ...], reader: PromptFormat) -> int:
    return len(ids) + sum(len(part.text) for turn in turns for part in turn.parts)


@cached_by_size(_IDS, _size)
def rendered_ids(turns: tuple[Turn, ...], reader: PromptFormat) -> tuple[int, ...]:
    """Return the ids of turns. The cache serves the card's turns, which stand in every prompt."""
    return render_turns(turns, reader)[0]


@dataclass(frozen=True, slots=True)
class HistoryFitter:
    """Turns a history into turns within a budget."""

    persona: Persona
    names: Mapping[str, str]
    reader: PromptFormat
    parents: Mapping[str, Message]
    reply_to: str | None
    insertions: tuple[Insertion, ...] = ()
    longest_quote: int = MAX_UNSEEN_QUOTE
    labelled: bool = True
    _lengths: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def turns(self, history: Sequence[Message], dropped: Sequence[Message] = ()) -> list[tuple[Turn, ...]]:
        parents = {**self.parents, **{message.id: message for message in dropped}}
        turns = history_turns(
            history,
            self.names,
            self.persona,
            parents,
            self.reply_to,
            self.longest_quote,
            labelled=self.labelled,
        )
        markers = role_markers(self.reader)
        return insert_turns([tuple(map(markers.break_turn, each)) for each in turns], self.insertions)

    def drop_oldest(self, history: Sequence[Message], room: int) -> tuple[int, list[tuple[Turn, ...]]]:
        """Return the index of the oldest message to keep, and the turns from there on.

        A reply to a dropped message quotes it, so that even more may have to be dropped. Quotes become short
        where the newest message does not fit with them. Raises `UserError` if it does not fit at all.
        """
        start = 0
        while True:
            turns = self.turns(history[start:], history[:start])
            costs = self.token_costs(turns)
            if costs and costs[-1] > room and self.longest_quote > MAX_QUOTE:
                return replace(self, longest_quote=MAX_QUOTE).drop_oldest(history, room)
            step = _start(costs, room, self.reader.kept, self.persona)
            if not step:
                return start, turns
            start += step

    def token_costs(self, turns_of_messages: Sequence[tuple[Turn, ...]]) -> list[int]:
        """Return an upper bound of the ids that each message adds: its content and the template around it."""
        lengths = [len(rendered_ids(turns, self.reader)) for turns in (_PROBE[:1], _PROBE[:3], _PROBE)]
        around = max(-(-(long - short) // 2) + 1 for short, long in pairwise(lengths))
        costs, role = list[int](), None
        for turns in turns_of_messages:
            cost = 0
            for turn in turns:
                cost += self._length(turn.parts[0].text)
                cost += 1 if turn.role == role else around
                role = turn.role
            costs.append(cost)
        return costs

    def _length(self, text: str) -> int:
        """Return the number of a text's ids, encoded once however often messages are dropped."""
        if text not in self._lengths:
            self._lengths[text] = len(self.reader.tokenizer.encode(text))
        return self._lengths[text]


def _start(costs: Sequence[int], room: int, kept: float, persona: Persona) -> int:
    """Return the index of the oldest turn to keep: 0 if all fit, else one that fills `kept` of it."""
    if costs and costs[-1] > room:
        raise PromptTooLong(
            f"The message is too long: beside its card {persona.name} can read {max(0, room):,} tokens, "
            f"and it has {costs[-1]:,}. Shorten it, or raise model.context."
        )
    if not costs or sum(costs) <= room:
        return 0
    start, total = len(costs) - 1, costs[-1]
    while total + costs[start - 1] <= kept * room:
        start -= 1
        total += costs[start]
    return start
