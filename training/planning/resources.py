"""The memory and time that a run needs, estimated before it begins from sizes and from a short trial."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from bot.errors import UserError
from training.planning.recipe import ChosenRecipe, Recipe

# Activations that a layer keeps for its gradient, over its input and output: norms in float32, masks and the
# products with the matrices A. Measured with SmolLM2-135M on a CPU.
ACTIVATION_FACTOR = 4.4
LABEL_SHARE = 0.3  # of the tokens at most are usually labels, and only their activations are kept
TRAINED_BYTES = 16  # of a trained weight: itself, its gradient and two moments in float32
PROCESS_BYTES = 700 << 20  # of Python and its libraries
MEMORY_SHARE = 0.9  # of the free memory that a plan may use
MIN_ROW = 256  # tokens of the shortest row that is worth its overhead
WEIGHT_BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "int8": 1.1, "nf4": 0.6}  # of a weight


@dataclass(frozen=True, slots=True)
class ModelSizes:
    """The number of weights of a base model, and of each linear layer its sizes (out, in) by name."""

    weights: int
    linear: Mapping[str, tuple[int, int]]

    def adapter_parameters(self, recipe: Recipe) -> int:
        """Return the number of weights of an adapter."""
        chosen = (
            size for name, size in self.linear.items() if any(_ends(name, end) for end in recipe.layers)
        )
        return sum(recipe.rank * (out + inner) for out, inner in chosen)

    def memory_bytes(self, recipe: Recipe, longest: int) -> int:
        """Estimate the peak memory of training in bytes, with rows of `longest` tokens."""
        width = 4 if recipe.precision == "fp32" else 2
        token = sum(out + inner for out, inner in self.linear.values()) * width * ACTIVATION_FACTOR
        learned = longest * (1.0 if recipe.deep else LABEL_SHARE)
        kept = token * learned * (0.15 if recipe.checkpointing else 1.0)
        weights = self.weights * WEIGHT_BYTES[recipe.precision]
        return int(weights + TRAINED_BYTES * self.adapter_parameters(recipe) + kept) + PROCESS_BYTES


class ResourcePlan(msgspec.Struct, frozen=True, kw_only=True):
    """plan.json: the work of a run, and the time and memory that it needs.

    `tokens` are read and `learned` tokens are labels in all steps together. `seconds` and `bytes` are
    estimates, `room` are the bytes of memory that were free.
    """

    answers: int
    held: int
    lessons: dict[str, int]
    steps: int
    tokens: int
    learned: int
    parameters: int
    seconds: float
    bytes: int
    room: int | None


def fit_recipe(chosen: ChosenRecipe, sizes: ModelSizes, room: int | None, longest: int) -> ChosenRecipe:
    """Fit a recipe into `room` bytes: by shorter rows, then by checkpointing; else raises `UserError`.

    A row keeps at least `longest` tokens. Without `room`, the recipe is returned as it is.
    """
    if room is None:
        return chosen
    recipe, reasons = chosen.recipe, dict(chosen.reasons)
    least = max(longest, MIN_ROW)
    while sizes.memory_bytes(recipe, recipe.row) > room * MEMORY_SHARE and recipe.row > least:
        recipe = msgspec.structs.replace(recipe, row=max(least, recipe.row // 2))
        reasons["row"] = "as long as the free memory holds"
    if sizes.memory_bytes(recipe, recipe.row) > room * MEMORY_SHARE and not recipe.checkpointing:
        recipe = msgspec.structs.replace(recipe, checkpointing=True)
        reasons["checkpointing"] = "the free memory does not hold all activations"
    needed = sizes.memory_bytes(recipe, recipe.row)
    if needed > room * MEMORY_SHARE:
        raise UserError(
            f"Training needs about {format_gigabytes(needed)} of memory and {format_gigabytes(room)} are "
            'free: build the data again with a smaller --window, set `precision = "nf4"` in the table '
            "[training], or choose a smaller base model."
        )
    return ChosenRecipe(recipe, reasons)


def format_plan(plan: ResourcePlan, chosen: ChosenRecipe, notes: Sequence[str]) -> str:
    """Format the recipe with its reasons, and the plan."""
    values = msgspec.to_builtins(chosen.recipe)
    width = max(map(len, values))
    shown = {key: _format_value(value) for key, value in values.items()}
    column = max(map(len, shown.values()))
    recipe = [f"{key:<{width}}  {shown[key]:<{column}}  {chosen.reasons[key]}" for key in values]
    examples = ", ".join(f"{count:,} {name}" for name, count in plan.lessons.items() if count)
    room = f" of {format_gigabytes(plan.room)} free" if plan.room is not None else ""
    return "\n".join(
        [
            *recipe,
            "",
            f"to learn   {plan.answers:,} answers in examples: {examples}; {plan.held:,} more are held out",
            f"steps      {plan.steps:,}, which read {plan.tokens:,} tokens and learn {plan.learned:,}",
            f"adapter    {plan.parameters:,} weights",
            f"memory     {format_gigabytes(plan.bytes)}{room}",
            f"time       {format_duration(plan.seconds)} at most",
            *notes,
        ]
    )


def format_gigabytes(count: int) -> str:
    """Format bytes as GB."""
    return f"{count / 1e9:.1f} GB"


def format_duration(seconds: float) -> str:
    """Format seconds as s, min or h, rounded up."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def line_through_trials(first: tuple[int, float], second: tuple[int, float]) -> Callable[[int], float]:
    """Return seconds as a function of work, through the (work, seconds) of two trials.

    The function is a straight line, or proportional to work where the line would fall or begin below zero.
    """
    (less, quick), (more, slow) = sorted((first, second))
    slope = (slow - quick) / (more - less) if more > less else 0.0
    if slope <= 0:
        mean = (quick + slow) / max(1, less + more)
        return lambda work: mean * work
    base = quick - slope * less
    if base < 0:
        return lambda work: slow / more * work
    return lambda work: base + slope * work


def _ends(name: str, end: str) -> bool:
    return name == end or name.endswith(f".{end}")


def _format_value(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case list() | tuple():
            return " ".join(part.removesuffix("_proj") for part in map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
