"""A training of a base model of a real size on a pretended card: its plan, and one whole step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from bot.engine.lora import registry
from bot.engine.runtime.errors import free_memory
from bot.persona.training_options import TrainingOptions
from tests.fakes.card.models import config_of, empty_model
from training.distributed.processes import ProcessGroup
from training.planning import memory
from training.planning.recipe import Recipe, RecipeInputs, choose_recipe
from training.planning.resources import fit_recipe
from training.planning.training_memory import MemoryParts, ModelSizes
from training.tokenization.examples import TokenizedExample
from training.trainer.kept_bytes import count_kept_bytes
from training.trainer.lora_learner import LoraLearner
from training.trainer.model_sizes import loaded_bytes
from training.trainer.stages import TrainingData
from training.trainer.step_memory import StepMemory

LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class PlannedTraining:
    """A frozen base model on the card, and the recipe that was fitted into the card's free memory."""

    model: Any
    name: str
    recipe: Recipe
    parts: MemoryParts
    heaviest: Sequence[TokenizedExample]


def invented_examples(count: int, tokens: int, labels: int) -> tuple[TokenizedExample, ...]:
    """Return examples of so many tokens, of which the last are an answer; no two share a prefix."""
    weights = np.zeros(tokens, np.float32)
    weights[-labels:] = 1
    rng = np.random.default_rng(tokens)
    return tuple(
        TokenizedExample(rng.integers(5, 30_000, tokens).astype(np.int32), weights, 1, "dialogue")
        for _ in range(count)
    )


def as_cards_hold(config: Any, precision: str) -> Any:
    """Return a model without values, whose scales of nf4 are quantised too."""
    return empty_model(config, precision, nested=True)


def plan_training(
    name: str,
    examples: tuple[TokenizedExample, ...],
    precision: str = "nf4",
    make: Callable[[Any, str], Any] = as_cards_hold,
    **options: Any,
) -> PlannedTraining:
    """Make a base model and fit a recipe for the examples; raises `UserError` where none fits."""
    free_memory()  # memory of an earlier plan
    room = memory.available_memory("cuda")
    model = make(config_of(name), precision)
    shapes = registry.linear_shapes(model)
    sizes = ModelSizes(
        weights=sum(out * inner for out, inner in shapes.values()),
        bytes=loaded_bytes(model),
        layers=model.config.num_hidden_layers,
        vocabulary=model.config.vocab_size,
        linear={layer: shape for layer, shape in shapes.items() if layer != "lm_head"},
    )
    longest = max(len(each.ids) for each in examples)
    inputs = RecipeInputs(sizes.weights, len(examples), longest, LAYERS, precision, "cuda")
    chosen = choose_recipe(TrainingOptions(**options), inputs)
    data = TrainingData((), examples, (), (), (), ())
    step_memory = StepMemory(sizes, count_kept_bytes(config_of(name), model.dtype, chosen.recipe), data)
    recipe = fit_recipe(chosen, step_memory, room, longest).recipe
    return PlannedTraining(model, name, recipe, step_memory(recipe), step_memory.heaviest_row(recipe))


def train_once(planned: PlannedTraining) -> int:
    """Run the heaviest row as the last of a later step; return the peak of the card's memory in bytes."""
    learner = LoraLearner(planned.model, planned.recipe, ProcessGroup("cuda"), planned.name)
    trained = {name: each for name, each in planned.model.named_parameters() if each.requires_grad}
    moments = {f"{key}/{name}": each for key in ("exp_avg", "exp_avg_sq") for name, each in trained.items()}
    learner.restore(learner.adapter(), {key: torch.zeros_like(each) for key, each in moments.items()}, 1)
    for each in trained.values():
        each.grad = torch.zeros_like(each)  # of the rows before
    torch.cuda.reset_peak_memory_stats()
    learner.train_step([planned.heaviest], 1e-4, 1)
    return torch.cuda.max_memory_allocated()


def plan_against_peak(planned: PlannedTraining, peak: int) -> str:
    """Return for a table how the step ran, and what was planned and taken."""
    recipe, plan = planned.recipe, planned.parts.total - planned.parts.process
    twice = ", activations computed twice" if recipe.checkpointing else ""
    gigabytes = f"{peak / 1e9:.2f} GB, planned {plan / 1e9:.2f}"
    return f"{gigabytes} ({peak / plan - 1:+.0%}), rows of {recipe.row:,} tokens{twice}"
