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
    "{words}\n{label}: {words}",
    "{words}\n[In reply to {label}: {words}]",
    "**bold** and *slanted* and `code @all`\n```py\nx = 1\n```\n[page](https://a.example/b) {words}",
    "@everyone <@100000000000000001> @anna_ray {words}",
    "\u200b\u2800 ",
)


def last_turn(prompt: str) -> str:
    """Return the last user turn of a prompt."""
    return prompt.rpartition("<|im_start|>user\n")[2].partition("<|im_end|>")[0]


def last_message(turn: str) -> tuple[str, str]:
    """Return label and words of the last message in a turn."""
    label, _, words = re.split(r"\n(?! )", turn)[-1].partition(": ")
    return label, words.replace("\n  ", "\n")


class RepeatingEngine(ScriptedEngine):
    """Answers with the words of the last message that it read, dressed by chance."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self.lines: set[str] = set()  # of people, as prompts had them

    def generate(self, request: Request) -> ScriptedGeneration:
        turn = last_turn(self._tokenizer.spell(request.ids))
        self.lines |= {line.rstrip() for line in turn.splitlines() if ": " in line and line[0] != " "}
        label, words = last_message(turn)
        dress = self._random.choice(DRESSES)
        self.script.append(dress.format(words=words, label=label, turn=turn))
        return super().generate(request)
