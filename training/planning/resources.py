"""What a run will take, said before it begins: by the sizes of the model, then by a short trial of it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from bot.errors import UserError
from training.planning.recipe import ChosenRecipe, Recipe

# Of what a layer keeps for its gradient, beside its input and its output: norms in float32, the masks and the
# halves of the adapter. Measured with SmolLM2-135M on a CPU.
KEPT = 4.4
ANSWERS = 0.3  # of the tokens at most are usually learned, and only their activations are kept
STATES = 16  # bytes of a trained weight: itself, its gradient and two moments in float32
PROGRAM = 700 << 20  # bytes of Python and its libraries
SPARE = 0.9  # the share of the free memory that may be planned with
SHORTEST = 256  # tokens of the shortest row that is worth its while
BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "int8": 1.1, "nf4": 0.6}  # of a weight


@dataclass(frozen=True, slots=True)
class ModelSizes:
    """A base model: its weights, and of its linear layers the sum of what they read and give for a token."""

    weights: int
    linear: Mapping[str, tuple[int, int]]

    def adapter(self, recipe: Recipe) -> int:
        """How many numbers an adapter has."""
        chosen = (
            size for name, size in self.linear.items() if any(_ends(name, end) for end in recipe.layers)
        )
        return sum(recipe.rank * (out + inner) for out, inner in chosen)

    def bytes(self, recipe: Recipe, longest: int) -> int:
        """Roughly the most memory that training takes, with rows of that many tokens."""
        width = 4 if recipe.precision == "fp32" else 2
        token = sum(out + inner for out, inner in self.linear.values()) * width * KEPT
        learned = longest * (1.0 if recipe.deep else ANSWERS)
        kept = token * learned * (0.15 if recipe.checkpointing else 1.0)
        weights = self.weights * BYTES[recipe.precision]
        return int(weights + STATES * self.adapter(recipe) + kept) + PROGRAM


class ResourcePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done and what it takes. `tokens` are read and `learned` learned in all steps together.

    `seconds` and `bytes` are estimates, `room` is the memory that was free.
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


def fit(chosen: ChosenRecipe, sizes: ModelSizes, room: int | None, longest: int) -> ChosenRecipe:
    """A recipe that has room: shorter rows, then no kept activations; else raises `UserError`."""
    if room is None:
        return chosen
    recipe, reasons = chosen.recipe, dict(chosen.reasons)
    least = max(longest, SHORTEST)
    while sizes.bytes(recipe, recipe.row) > room * SPARE and recipe.row > least:
        recipe = msgspec.structs.replace(recipe, row=max(least, recipe.row // 2))
        reasons["row"] = "what the free memory holds"
    if sizes.bytes(recipe, recipe.row) > room * SPARE and not recipe.checkpointing:
        recipe = msgspec.structs.replace(recipe, checkpointing=True)
        reasons["checkpointing"] = "the free memory does not hold all activations"
    needed = sizes.bytes(recipe, recipe.row)
    if needed > room * SPARE:
        raise UserError(
            f"Training needs about {gigabytes(needed)} of memory and {gigabytes(room)} are free: build the "
            'data again with a smaller --window, set `precision = "nf4"` in the table [training], or choose '
            "a smaller base model."
        )
    return ChosenRecipe(recipe, reasons)


def as_text(plan: ResourcePlan, chosen: ChosenRecipe, notes: Sequence[str]) -> str:
    """The recipe with its reasons, and the plan."""
    values = msgspec.to_builtins(chosen.recipe)
    width = max(map(len, values))
    shown = {key: _shown(value) for key, value in values.items()}
    column = max(map(len, shown.values()))
    recipe = [f"{key:<{width}}  {shown[key]:<{column}}  {chosen.reasons[key]}" for key in values]
    lessons = ", ".join(f"{count:,} {name}" for name, count in plan.lessons.items() if count)
    room = f" of {gigabytes(plan.room)} free" if plan.room is not None else ""
    return "\n".join(
        [
            *recipe,
            "",
            f"to learn   {plan.answers:,} answers in lessons: {lessons}; {plan.held:,} lessons are held out",
            f"steps      {plan.steps:,}, which read {plan.tokens:,} tokens and learn {plan.learned:,}",
            f"adapter    {plan.parameters:,} numbers",
            f"memory     {gigabytes(plan.bytes)}{room}",
            f"time       {duration(plan.seconds)} at most",
            *notes,
        ]
    )


def gigabytes(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e9:.1f} GB"


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def line_through(first: tuple[int, float], second: tuple[int, float]) -> Callable[[int], float]:
    """Seconds by work, from two rows that were tried: a straight line, or the mean where it would fall."""
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


def _shown(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case list() | tuple():
            return " ".join(part.removesuffix("_proj") for part in map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
