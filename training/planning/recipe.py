"""How a persona is trained: every value with its reason, chosen by the data and the base model, or set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from bot.persona.training_options import TrainingOptions

MANY, SOME = 20_000, 2_000  # answers
LARGE, SMALL = 8e9, 1e9  # parameters


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """All that training does, beside the data. The keys are those of `bot.persona.training_options`."""

    rank: int
    alpha: float
    rslora: bool
    layers: tuple[str, ...]
    dropout: float
    rate: float
    facts_rate: float
    warmup: float
    decay: float
    clip: float
    batch: int
    epochs: int
    facts_epochs: int
    evaluations: int
    patience: int
    neutral: float
    identity: bool
    replay: float
    seed: int
    row: int
    deep: bool
    checkpointing: bool
    precision: str
    device: str


@dataclass(frozen=True, slots=True)
class RecipeInputs:
    """What a recipe depends on. `layers` are the endings of the names of all linear layers but the head.

    `precision` and `device` are those in which the base model is loaded, `longest` the longest lesson's ids.
    """

    parameters: int
    answers: int
    longest: int
    layers: tuple[str, ...]
    precision: str
    device: str


@dataclass(frozen=True, slots=True)
class ChosenRecipe:
    """A recipe and, for each of its values, why."""

    recipe: Recipe
    reasons: Mapping[str, str]


def choose_recipe(wishes: TrainingOptions, known: RecipeInputs) -> ChosenRecipe:
    """The recipe; a value that is wished for is taken as it is."""
    rules = _rules(known)
    wished = {key: value for key, value in wishes.model_dump().items() if value is not None}
    reasons = {key: reason for key, (_, reason) in rules.items()} | dict.fromkeys(
        wished, "set in persona.toml"
    )
    values = {key: value for key, (value, _) in rules.items()} | wished
    if "alpha" not in wished and "rank" in wished:
        values["alpha"], reasons["alpha"] = float(values["rank"]), "as the rank"
    if "facts_rate" not in wished:
        values["facts_rate"] = values["rate"] / 2
    values["row"] = max(values["row"], known.longest)
    return ChosenRecipe(Recipe(**values), reasons)


def _rules(known: RecipeInputs) -> dict[str, tuple[Any, str]]:
    rank, why_rank = _rank(known.answers)
    rate, why_rate = _rate(known.parameters)
    epochs, why_epochs = _epochs(known.answers)
    on_gpu = known.device != "cpu"
    return {
        "rank": (rank, why_rank),
        "alpha": (float(rank), "with rsLoRA a change is as strong at any rank (arXiv 2312.03732)"),
        "rslora": (True, "costs nothing and learned more in PEFT's own comparison"),
        "layers": (known.layers, "all linear layers: the MLP matters more than rank (LoRA Without Regret)"),
        "dropout": (0.05, "a little, against learning by heart"),
        "rate": (rate, why_rate),
        "facts_rate": (rate / 2, "half of the rate: documents are read, not imitated"),
        "warmup": (0.05, "a twentieth of the steps, then a cosine to nothing"),
        "decay": (0.0, "an adapter is small and starts from nothing"),
        "clip": (1.0, "an odd message must not throw the adapter off"),
        "batch": (16, "small batches suit LoRA (LoRA Without Regret: below 32)"),
        "epochs": (epochs, why_epochs),
        "facts_epochs": (1, "what is read twice is repeated word for word"),
        "evaluations": (2, "on what is held out, in every epoch"),
        "patience": (3, "evaluations without progress, then it is only learned by heart"),
        "neutral": (0.05, "everyday questions, so that the base model's knowledge stays"),
        "identity": (True, "so that it answers to its own name and to nobody else's"),
        "replay": (0.15, "of what the earlier run learned, so that it is not forgotten"),
        "seed": (1, "the same data and the same seed give the same adapter"),
        "row": (16_384 if on_gpu else 8_192, "tokens read at once: what lessons share is then read once"),
        "deep": (False, "gradients go through answers alone: learns more in the same time"),
        "checkpointing": (False, "there is memory enough to do without"),
        "precision": (known.precision, "what the device computes in, and the bot serves"),
        "device": (known.device, "the fastest that is here"),
    }


def _rank(answers: int) -> tuple[int, str]:
    if answers > MANY:
        return 32, f"more than {MANY:,} answers to learn"
    return 16, f"up to {MANY:,} answers: a higher rank learns no more from them"


def _rate(parameters: int) -> tuple[float, str]:
    if parameters > LARGE:
        return 1e-4, "a base model of more than 8 billion parameters"
    if parameters < SMALL:
        return 5e-4, "a base model of less than a billion parameters learns at a higher rate"
    return 2e-4, "ten times that of full training (LoRA Without Regret)"


def _epochs(answers: int) -> tuple[int, str]:
    if answers > MANY:
        return 1, f"more than {MANY:,} answers"
    if answers > SOME:
        return 2, f"more than {SOME:,} answers"
    return 3, f"up to {SOME:,} answers; training ends earlier where nothing is gained on what is held out"
