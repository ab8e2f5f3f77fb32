"""The memory and time that a run needs, estimated before it begins from sizes and from a short trial."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import msgspec

from bot.errors import UserError
from training.planning.recipe import ChosenRecipe, Recipe
from training.planning.training_memory import MemoryParts
from training.progress.estimate import TimeRange

MEMORY_SHARE, CARD_SHARE = 0.9, 0.95  # of the free memory that a plan may use: a card's is asked by few
MIN_ROW = 256  # tokens of the shortest row that is worth its overhead
_EARLY_END = "; the least where it ends early, since nothing more is gained on what is held out"


class ResourcePlan(msgspec.Struct, frozen=True, kw_only=True):
    """plan.json: the work of a run, and the time and memory that it needs.

    `tokens` are read and `learned` tokens are labels in all steps together. Trial steps measured `bytes`, and
    that the run takes `seconds` at most and `least_seconds` at least; `room` are the bytes of memory that
    were free on `device`. `parts` is the estimate of a step's memory by part.
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
    device: str = ""
    parts: MemoryParts | None = None
    least_seconds: float | None = None

    @property
    def time(self) -> TimeRange:
        """The time that the run is expected to take."""
        return TimeRange(self.seconds if self.least_seconds is None else self.least_seconds, self.seconds)


def fit_recipe(
    chosen: ChosenRecipe, memory_of: Callable[[Recipe], MemoryParts], room: int | None, longest: int
) -> ChosenRecipe:
    """Fit a recipe into `room` bytes: by shorter rows, then by checkpointing; else raises `UserError`.

    `memory_of` estimates a step's memory. A row keeps at least `longest` tokens. Without `room`, the recipe
    is returned as it is.
    """
    if room is None:
        return chosen
    limit = int(room * (MEMORY_SHARE if chosen.recipe.device == "cpu" else CARD_SHARE))
    recipe, reasons, least = chosen.recipe, dict(chosen.reasons), max(longest, MIN_ROW)
    for checkpointing in (False, True):
        if checkpointing and not recipe.checkpointing:
            recipe = msgspec.structs.replace(recipe, checkpointing=True, row=chosen.recipe.row)
            reasons |= {
                "checkpointing": "the free memory does not hold all activations",
                "row": chosen.reasons["row"],
            }
        while (needed := memory_of(recipe).total) > limit and recipe.row > least:
            recipe = msgspec.structs.replace(recipe, row=max(least, recipe.row // 2))
            reasons["row"] = "as long as the free memory holds"
        if needed <= limit:
            return ChosenRecipe(recipe, reasons)
    raise UserError(
        f"Training needs about {format_gigabytes(needed)} of memory, and {format_gigabytes(limit)} can be "
        'had: build the data again with a smaller --window, set `precision = "nf4"` in the table '
        "[training], or choose a smaller base model."
    )


def format_plan(plan: ResourcePlan, chosen: ChosenRecipe, notes: Sequence[str]) -> str:
    """Format the recipe with its reasons, and the plan."""
    values = msgspec.to_builtins(chosen.recipe)
    width = max(map(len, values))
    shown = {key: _format_value(value) for key, value in values.items()}
    column = max(map(len, shown.values()))
    recipe = [f"{key:<{width}}  {shown[key]:<{column}}  {chosen.reasons[key]}" for key in values]
    examples = ", ".join(f"{count:,} {name}" for name, count in plan.lessons.items() if count)
    return "\n".join(
        [
            *recipe,
            "",
            f"to learn   {plan.answers:,} answers in examples: {examples}; {plan.held:,} more are held out",
            f"steps      {plan.steps:,}, which read {plan.tokens:,} tokens and learn {plan.learned:,}",
            f"adapter    {plan.parameters:,} weights",
            f"batch      {_format_batch(chosen.recipe)}",
            f"memory     {_format_memory(plan)}",
            f"time       {plan.time}{_EARLY_END * bool(plan.held)}",
            *notes,
        ]
    )


def _format_batch(recipe: Recipe) -> str:
    again = "; activations are computed twice, to save memory" if recipe.checkpointing else ""
    return f"{recipe.batch:,} answers a step, in rows of {recipe.row:,} tokens at most{again}"


def _format_memory(plan: ResourcePlan) -> str:
    room = f" of {format_gigabytes(plan.room)} free" if plan.room is not None else ""
    device = f" on {plan.device}" if plan.device else ""
    parts = ""
    if plan.parts is not None:
        named = dataclasses.asdict(plan.parts).items()
        parts = ": " + ", ".join(f"{name} {format_gigabytes(size)}" for name, size in named)
    return f"{format_gigabytes(plan.bytes)}{room}{device}{parts}"


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
