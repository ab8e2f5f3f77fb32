"""A model that repeats what it read, in every dress in which models do."""

import re
from random import Random

from bot.engine.interface import Request
from tests.fakes.model import ScriptedEngine, ScriptedGeneration

DRESSES = (
    "{words}",
    "Mara: {words}",
    "**Mara:** {words}",
    "[Mara]: {words}\nMara: {words}",
    "{turn}",
    "{turn}\nMara: {words}",
    "{words}\nAnna: {words}",
    "{words}\n[In reply to Anna: {words}]",
    "**bold** and *slanted* and `code @all`\n```py\nx = 1\n```\n[page](https://a.example/b) {words}",
    "@everyone <@100000000000000001> @anna_ray {words}",
    "\u200b\u2800 ",
)


def last_turn(prompt: str) -> str:
    """Return the last user turn of a prompt."""
    return prompt.rpartition("<|im_start|>user\n")[2].partition("<|im_end|>")[0]


def last_words(turn: str) -> str:
    """Return the words of the last message in a turn, without its speaker."""
    lines = re.split(r"\n(?! )", turn)
    return lines[-1].partition(": ")[2].replace("\n  ", "\n")


class RepeatingEngine(ScriptedEngine):
    """Answers with the words of the last message that it read, dressed by chance."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    def generate(self, request: Request) -> ScriptedGeneration:
        turn = last_turn(self._tokenizer.spell(request.ids))
        dress = self._random.choice(DRESSES)
        self.script.append(dress.format(words=last_words(turn), turn=turn))
        return super().generate(request)
