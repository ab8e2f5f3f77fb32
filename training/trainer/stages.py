"""Training data and the stages of training: first documents (facts), then dialogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.errors import UserError
from training.dataset import splits
from training.dataset.excerpts import Excerpt
from training.dataset.splits import TRAIN, VALIDATION
from training.dataset.workspace import BuildRecord, Workspace
from training.planning.recipe import Recipe
from training.tokenization import cache, identity, neutral
from training.tokenization.encode import Encoder
from training.tokenization.examples import TokenizedExample, tokenized_examples

FACTS, DIALOGUE = "facts", "dialogue"  # names of stages
NAMES = 5  # other people in the questions "are you NAME?"


@dataclass(frozen=True, slots=True)
class TrainingData:
    """All examples of a run. An earlier run trained on `replayed`; `validation` is never trained on."""

    facts: tuple[TokenizedExample, ...]
    dialogue: tuple[TokenizedExample, ...]
    replayed: tuple[TokenizedExample, ...]
    identity: tuple[TokenizedExample, ...]
    neutral: tuple[TokenizedExample, ...]
    validation: tuple[TokenizedExample, ...]

    @property
    def all_examples(self) -> tuple[TokenizedExample, ...]:
        """The examples of all parts, the validation set too."""
        trained = (*self.facts, *self.dialogue, *self.replayed, *self.identity, *self.neutral)
        return (*trained, *self.validation)

    @property
    def answer_count(self) -> int:
        """The number of the persona's answers in the dialogue."""
        return sum(each.answers for each in self.dialogue)


@dataclass(frozen=True, slots=True)
class Stage:
    """Examples that are trained on together, with the number of epochs and the peak learning rate."""

    name: str
    examples: tuple[TokenizedExample, ...]
    epochs: int
    learning_rate: float


def read_training_data(
    workspace: Workspace, build: BuildRecord, scratch: Path | None = None
) -> tuple[TrainingData, dict[str, str]]:
    """Return the persona's tokenized examples, and the hashes of their files by name.

    Raises `UserError` where there is no example to train on.
    """
    serving = workspace.serving(build.window)
    files = {
        name: cache.open_encoded(workspace.work, name, serving, workspace.model, build.window, scratch)
        for name in (TRAIN, VALIDATION)
    }
    train, validation = (tokenized_examples(cache.read_encoded(path)) for path in files.values())
    if not train:
        raise UserError(
            f"There is nothing to learn in {workspace.work / TRAIN}: import more, then build it again."
        )
    excerpts = list(splits.read_excerpts(workspace.work / TRAIN))
    asked = identity.identity_excerpts(workspace.persona.name, _frequent_names(excerpts), _language(excerpts))
    data = TrainingData(
        facts=tuple(each for each in train if each.stage == "facts"),
        dialogue=tuple(each for each in train if each.stage != "facts"),
        replayed=(),
        identity=tuple(tokenized_examples(Encoder(serving, build.window).encode_excerpts(asked))),
        neutral=tuple(tokenized_examples(neutral.neutral_examples(serving.reader))),
        validation=tuple(validation),
    )
    return data, {name: cache.hash_in_name(path) for name, path in files.items()}


def training_stages(data: TrainingData, recipe: Recipe) -> list[Stage]:
    """Return the stages in order; the recipe's seed draws neutral and replayed examples."""
    rng = np.random.default_rng(recipe.seed)
    neutral_drawn = _draw(data.neutral, round(recipe.neutral * data.answer_count), rng)
    replayed = _draw(data.replayed, round(recipe.replay * len(data.dialogue)), rng)
    questions = data.identity if recipe.identity else ()
    dialogue = (*data.dialogue, *replayed, *questions, *neutral_drawn)
    stages = (
        Stage(FACTS, data.facts, recipe.facts_epochs, recipe.facts_rate),
        Stage(DIALOGUE, dialogue, recipe.epochs, recipe.rate),
    )
    return [stage for stage in stages if stage.examples and stage.epochs]


def _draw(
    examples: Sequence[TokenizedExample], count: int, rng: np.random.Generator
) -> tuple[TokenizedExample, ...]:
    return tuple(examples[place] for place in sorted(rng.permutation(len(examples))[:count].tolist()))


def _frequent_names(excerpts: Sequence[Excerpt]) -> list[str]:
    """Return the names of the other people with most messages."""
    counts: dict[str, int] = {}
    for excerpt in excerpts:
        for message in excerpt.messages:
            if not message.own and message.name:
                counts[message.name] = counts.get(message.name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))[:NAMES]


def _language(excerpts: Sequence[Excerpt]) -> str:
    own = (message.text for excerpt in excerpts for message in excerpt.messages if message.own)
    return identity.detect_language(own)
