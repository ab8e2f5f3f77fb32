"""What is learned, and in which order: first what documents say, then how the persona talks."""

from collections.abc import Sequence
from dataclasses import dataclass

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

NAMES = 5  # people of whom it is asked whether the persona is they


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Everything there is to learn from. `replayed` were learned by an earlier run, `held` judge."""

    facts: tuple[TokenizedExample, ...]
    dialogue: tuple[TokenizedExample, ...]
    replayed: tuple[TokenizedExample, ...]
    identity: tuple[TokenizedExample, ...]
    neutral: tuple[TokenizedExample, ...]
    held: tuple[TokenizedExample, ...]

    @property
    def every(self) -> tuple[TokenizedExample, ...]:
        """All of them."""
        return (*self.facts, *self.dialogue, *self.replayed, *self.identity, *self.neutral, *self.held)

    @property
    def answers(self) -> int:
        """How many answers of the persona are learned."""
        return sum(row.answers for row in self.dialogue)


@dataclass(frozen=True, slots=True)
class Stage:
    """Lessons that are learned together, for so many epochs, at that learning rate at most."""

    name: str
    rows: tuple[TokenizedExample, ...]
    epochs: int
    rate: float


def read(desk: Workspace, made: BuildRecord) -> tuple[TrainingData, dict[str, str]]:
    """The persona's encoded data, and their hashes; raises `UserError` where nothing is left to learn."""
    serving = desk.serving(made.window)
    files = {
        name: cache.encode_split(desk.work, name, serving, desk.model, made.window)
        for name in (TRAIN, VALIDATION)
    }
    train, held = (tokenized_examples(cache.read_encoded(path)) for path in files.values())
    if not train:
        raise UserError(
            f"There is nothing to learn in {desk.work / TRAIN}: import more, then build it again."
        )
    excerpts = list(splits.read_excerpts(desk.work / TRAIN))
    asked = list(identity.identity_excerpts(desk.persona.name, _others(excerpts), _language(excerpts)))
    found = TrainingData(
        facts=tuple(row for row in train if row.stage == "facts"),
        dialogue=tuple(row for row in train if row.stage != "facts"),
        replayed=(),
        identity=tuple(tokenized_examples(Encoder(serving, made.window).encode_excerpts(asked))),
        neutral=tuple(tokenized_examples(neutral.neutral_examples(serving.reader))),
        held=tuple(held),
    )
    return found, {name: path.stem.rpartition("-")[2] for name, path in files.items()}


def stages(found: TrainingData, recipe: Recipe) -> list[Stage]:
    """What is learned, in order; questions are drawn by the recipe's seed."""
    dice = np.random.default_rng(recipe.seed)
    share = round(recipe.neutral * found.answers)
    drawn = _draw(found.neutral, share, dice)
    asked = found.identity if recipe.identity else ()
    replayed = _draw(found.replayed, round(recipe.replay * len(found.dialogue)), dice)
    talk = Stage("dialogue", (*found.dialogue, *replayed, *asked, *drawn), recipe.epochs, recipe.rate)
    read_ = Stage("facts", found.facts, recipe.facts_epochs, recipe.facts_rate)
    return [stage for stage in (read_, talk) if stage.rows and stage.epochs]


def _draw(
    rows: Sequence[TokenizedExample], count: int, dice: np.random.Generator
) -> tuple[TokenizedExample, ...]:
    return tuple(rows[place] for place in sorted(dice.permutation(len(rows))[:count].tolist()))


def _others(excerpts: Sequence[Excerpt]) -> list[str]:
    """The people who are heard most."""
    counts: dict[str, int] = {}
    for excerpt in excerpts:
        for line in excerpt.messages:
            if not line.own and line.name:
                counts[line.name] = counts.get(line.name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))[:NAMES]


def _language(excerpts: Sequence[Excerpt]) -> str:
    return identity.detect_language(
        line.text for excerpt in excerpts for line in excerpt.messages if line.own
    )
