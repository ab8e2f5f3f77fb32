"""The turns of a card around a history, and the room they leave: examples go first, then old messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.message import Message
from bot.persona.lorebook import LoreEntry
from bot.persona.macros import MacroContext
from bot.persona.persona import Persona
from bot.prompt.card_turns import frame_turns
from bot.prompt.renderer import GOING_ON, PromptFormat, PromptPart, Turn
from bot.prompt.truncation import EMPTY_TURN, HistoryFitter, rendered_ids


@dataclass(frozen=True, slots=True)
class CardTurns:
    """The turns around the history that a card gives; `constant` are the lorebook's entries among them.

    `labelled`: the names of speakers stand before their words. `own_system` is a text that stands in place
    of the turns before the history.
    """

    persona: Persona
    scene: MacroContext
    system_prompt: str
    constant: Sequence[LoreEntry]
    late: tuple[Turn, ...]
    reader: PromptFormat
    labelled: bool = True
    own_system: str = ""

    def frame(self, examples: int) -> tuple[Turn, ...]:
        """Return the turns before the history, with the first of the card's example dialogues."""
        if self.own_system:
            return (Turn("system", (PromptPart("system", self.own_system),)),)
        return frame_turns(
            self.persona, self.scene, self.system_prompt, examples, self.constant, labelled=self.labelled
        )

    def room(self, frame: tuple[Turn, ...]) -> int:
        """Return the number of tokens that these turns leave to the history."""
        reader = self.reader
        cue = len(rendered_ids((GOING_ON,), reader)) if reader.template.needs_user else 0
        return reader.budget - len(rendered_ids((*frame, EMPTY_TURN, *self.late), reader)) - cue


def fit_history(
    card: CardTurns, fitter: HistoryFitter, history: Sequence[Message], examples: int
) -> tuple[tuple[Turn, ...], int, list[tuple[Turn, ...]]]:
    """Return the turns before the history, the index of the oldest message kept, and the turns from there.

    Under the persona's own limit of tokens, examples have the room that a history of that size leaves them,
    so that they stay where the history is cut.
    """
    turns = fitter.turns(history)
    costs, limit = fitter.token_costs(turns), card.persona.history.tokens
    needed = sum(costs)
    wanted = needed if limit is None else max([limit, *costs[-1:]])
    for number in _halves(examples):
        frame = card.frame(number)
        room = card.room(frame)
        if wanted <= room:
            break
    if limit is not None:
        room = min(room, wanted)
    if needed <= room:
        return frame, 0, turns
    return frame, *fitter.drop_oldest(history, room)


def _halves(number: int) -> Iterator[int]:
    while number:
        yield number
        number //= 2
    yield 0
