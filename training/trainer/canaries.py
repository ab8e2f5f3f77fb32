"""Canaries among the examples of a run (`train --canaries`)."""

from dataclasses import replace

from training.dataset.workspace import Workspace
from training.metrics.canaries import plant_canaries
from training.runs.run_config import RunConfig
from training.tokenization.encode import Encoder
from training.trainer.stages import TrainingData


def plant_run_canaries(workspace: Workspace, data: TrainingData, config: RunConfig) -> TrainingData:
    """Return the training data with the run's canaries; a resumed run has them at the same places."""
    if not config.canaries:
        return data
    encoder = Encoder(workspace.serving(config.window), config.window)
    planted = plant_canaries(
        data.dialogue, config.canaries, config.recipe.seed, lambda text: encoder.encode_answer([text])
    )
    return replace(data, dialogue=tuple(planted))
