"""Canaries among the examples of a run."""

from dataclasses import replace

from training.dataset.workspace import Desk
from training.metrics import canaries
from training.runs.run_config import Record
from training.tokenization.encode import Encoder
from training.trainer.stages import Lessons


def plant(desk: Desk, lessons: Lessons, begun: Record) -> Lessons:
    """The lessons of a run with its canaries among them: the same ones in the same places after a break."""
    if not begun.canaries:
        return lessons
    encoder = Encoder(desk.serving(begun.window), begun.window)
    seed = begun.recipe.seed
    planted = canaries.plant(lessons.dialogue, begun.canaries, seed, lambda text: encoder.spell([text]))
    return replace(lessons, dialogue=tuple(planted))
