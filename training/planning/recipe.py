"""The recipe of a training: each value with its reason, chosen by data and base model or set by the user."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from bot.persona.training_options import TrainingOptions

_SET = "set "  # begins the reason of each value that somebody set
MANY_ANSWERS, SOME_ANSWERS = 20_000, 2_000  # answers
LARGE_MODEL, SMALL_MODEL = 8e9, 1e9  # parameters


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """The hyperparameters of a training, with the keys of `bot.persona.training_options`."""

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
    save_every: int = 0  # recipes of earlier versions have none


@dataclass(frozen=True, slots=True)
class RecipeInputs:
    """The facts that a recipe depends on.

    `parameters` counts the base model's weights, `answers` the answers to learn. `layers` are the endings of
    the names of all linear layers but the head. `precision` and `device` are those that the base model is
    loaded in, `longest` is the length of the longest example in tokens.
    """

    parameters: int
    answers: int
    longest: int
    layers: tuple[str, ...]
    precision: str
    device: str


@dataclass(frozen=True, slots=True)
class ChosenRecipe:
    """A recipe, and the reason of each of its values."""

    recipe: Recipe
    reasons: Mapping[str, str]


def set_by(place: str) -> str:
    """Return the reason of a value that somebody set in a place, such as "in persona.toml"."""
    return f"{_SET}{place}"


def is_set(reason: str) -> bool:
    """Return whether a reason is that of a value that somebody set."""
    return reason.startswith(_SET)


def choose_recipe(
    options: TrainingOptions, inputs: RecipeInputs, sources: Mapping[str, str] = MappingProxyType({})
) -> ChosenRecipe:
    """Choose a recipe; a value that is set in `options` is taken as it is.

    `sources` are the reasons of options that are not set in persona.toml.
    """
    rules = default_rules(inputs)
    given = {key: value for key, value in options.model_dump().items() if value is not None}
    reasons = {key: reason for key, (_, reason) in rules.items()}
    reasons |= {key: sources.get(key, set_by("in persona.toml")) for key in given}
    values = {key: value for key, (value, _) in rules.items()} | given
    if "alpha" not in given and "rank" in given:
        values["alpha"], reasons["alpha"] = float(values["rank"]), "as the rank"
    if "facts_rate" not in given:
        values["facts_rate"] = values["rate"] / 2
    values["row"] = max(values["row"], inputs.longest)
    return ChosenRecipe(Recipe(**values), reasons)


def default_rules(inputs: RecipeInputs) -> dict[str, tuple[Any, str]]:
    """Return the value of each key that nobody set, with its reason."""
    rank, why_rank = _rank(inputs.answers)
    rate, why_rate = _rate(inputs.parameters)
    epochs, why_epochs = _epochs(inputs.answers)
    on_gpu = inputs.device != "cpu"
    return {
        "rank": (rank, why_rank),
        "alpha": (float(rank), "with rsLoRA a change is as strong at any rank (arXiv 2312.03732)"),
        "rslora": (True, "costs nothing and learned more in PEFT's own comparison"),
        "layers": (inputs.layers, "all linear layers: the MLP matters more than rank (LoRA Without Regret)"),
        "dropout": (0.05, "a little, against memorising"),
        "rate": (rate, why_rate),
        "facts_rate": (rate / 2, "half of the rate: documents are read, not imitated"),
        "warmup": (0.05, "a twentieth of the steps, then a cosine to zero"),
        "decay": (0.0, "an adapter is small and starts from nothing"),
        "clip": (1.0, "an odd message must not throw the adapter off"),
        "batch": (16, "small batches suit LoRA (LoRA Without Regret: below 32)"),
        "epochs": (epochs, why_epochs),
        "facts_epochs": (1, "documents that are read twice are repeated word for word"),
        "evaluations": (2, "on the validation set, in every epoch"),
        "patience": (3, "evaluations without progress; from then on training only memorises"),
        "save_every": (0, "twenty times in a run, evenly spread, and at each evaluation"),
        "neutral": (0.05, "everyday questions, so that the base model's knowledge stays"),
        "identity": (True, "so that it answers to its own name and to nobody else's"),
        "replay": (0.15, "of the examples of the earlier run, so that they are not forgotten"),
        "seed": (1, "the same data and the same seed give the same adapter"),
        "row": (
            16_384 if on_gpu else 8_192,
            "tokens read at once: a prefix that examples share is read once",
        ),
        "deep": (False, "gradients go through answers alone: learns more in the same time"),
        "checkpointing": (False, "the memory holds all activations"),
        "precision": (inputs.precision, "the device computes in it, and the bot serves it"),
        "device": (inputs.device, "the fastest that is here"),
    }


def _rank(answers: int) -> tuple[int, str]:
    if answers > MANY_ANSWERS:
        return 32, f"more than {MANY_ANSWERS:,} answers to learn"
    return 16, f"up to {MANY_ANSWERS:,} answers: a higher rank learns no more from them"


def _rate(parameters: int) -> tuple[float, str]:
    if parameters > LARGE_MODEL:
        return 1e-4, "a base model of more than 8 billion parameters"
    if parameters < SMALL_MODEL:
        return 5e-4, "a base model of less than a billion parameters learns at a higher rate"
    return 2e-4, "ten times that of full training (LoRA Without Regret)"


def _epochs(answers: int) -> tuple[int, str]:
    if answers > MANY_ANSWERS:
        return 1, f"more than {MANY_ANSWERS:,} answers"
    if answers > SOME_ANSWERS:
        return 2, f"more than {SOME_ANSWERS:,} answers"
    return 3, f"up to {SOME_ANSWERS:,} answers; training ends earlier when the validation loss stops falling"
