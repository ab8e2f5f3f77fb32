"""Canaries among the examples of a run."""

from dataclasses import replace

from training.dataset.workspace import Workspace
from training.metrics import canaries
from training.runs.run_config import RunConfig
from training.tokenization.encode import Encoder
from training.trainer.stages import TrainingData


def plant(desk: Workspace, lessons: TrainingData, begun: RunConfig) -> TrainingData:
    """The lessons of a run with its canaries among them: the same ones in the same places after a break."""
    if not begun.canaries:
        return lessons
    encoder = Encoder(desk.serving(begun.window), begun.window)
    seed = begun.recipe.seed
    planted = canaries.plant_canaries(
        lessons.dialogue, begun.canaries, seed, lambda text: encoder.encode_answer([text])
    )
    return replace(lessons, dialogue=tuple(planted))
