"""The memory of a training step by part: arithmetic over the sizes of a base model and of a row."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from training.planning.recipe import Recipe

TRAINED_BYTES = 16  # of a trained weight: itself, its gradient and two moments in float32
PROCESS_BYTES = 700 << 20  # of Python and its libraries, in the memory of a computer
CARD_BYTES = 256 << 20  # of a card's libraries, and of holes between its blocks of memory
LOGIT_BYTES = 12  # of a logit while its loss is computed: float32 logits, their exponentials and gradients
WORK_BYTES = 14  # of a number of the widest layer's output while an adapter's layer runs, float32 parts too


@dataclass(frozen=True, slots=True)
class KeptBytes:
    """Bytes that a layer keeps for its backward pass.

    `label`: for a token with gradients; `key_values`: its keys and values alone, for any token that is
    attended to; `hidden`: for a token with gradients where activations are computed again.
    """

    label: int
    key_values: int
    hidden: int


@dataclass(frozen=True, slots=True)
class ModelSizes:
    """Sizes of a base model: its number of weights and their bytes as they are loaded, layers and vocabulary.

    `linear` has the sizes (out, in) of each linear layer but the head, by name.
    """

    weights: int
    bytes: int
    layers: int
    vocabulary: int
    linear: Mapping[str, tuple[int, int]]

    def adapter_parameters(self, recipe: Recipe) -> int:
        """Return the number of weights of an adapter."""
        chosen = (
            size for name, size in self.linear.items() if any(_ends(name, end) for end in recipe.layers)
        )
        return sum(recipe.rank * (out + inner) for out, inner in chosen)


@dataclass(frozen=True, slots=True)
class RowLoad:
    """The load of a row of examples: tokens that are read, labels, and tokens of all examples together.

    The examples' tokens are more than those of the row where examples share a prefix.
    """

    tokens: int
    labels: int
    examples: int


@dataclass(frozen=True, slots=True)
class MemoryParts:
    """The bytes of a training step by part.

    `adapter` has gradients and moments too, `working` what one layer or the loss needs while it runs.
    """

    weights: int
    adapter: int
    activations: int
    working: int
    process: int

    @property
    def total(self) -> int:
        """All parts together."""
        return self.weights + self.adapter + self.activations + self.working + self.process


def step_memory(
    sizes: ModelSizes, kept: KeptBytes, recipe: Recipe, loads: Iterable[RowLoad], logits: int
) -> MemoryParts:
    """Return the memory of a step with the row that needs most.

    `logits` counts the logits that are in memory at a time.
    """
    pairs = [_row_memory(sizes, kept, recipe, load, logits) for load in loads]
    activations, working = max(pairs, key=sum)
    return MemoryParts(
        weights=sizes.bytes,
        adapter=TRAINED_BYTES * sizes.adapter_parameters(recipe),
        activations=activations,
        working=working,
        process=PROCESS_BYTES if recipe.device == "cpu" else CARD_BYTES,
    )


def _row_memory(
    sizes: ModelSizes, kept: KeptBytes, recipe: Recipe, load: RowLoad, logits: int
) -> tuple[int, int]:
    """Return the bytes of activations and of work in the phase of a row that needs most."""
    widest = max((out for out, _ in sizes.linear.values()), default=1)
    matrix = max((out * inner for out, inner in sizes.linear.values()), default=1) * _width(recipe)
    learned = load.tokens if recipe.deep else load.labels
    keys_read = 0 if recipe.deep else sizes.layers * kept.key_values * load.tokens
    own_keys = kept.key_values * (load.tokens if recipe.deep else load.examples)
    layer = kept.label * learned + own_keys
    if recipe.checkpointing:
        held = keys_read + sizes.layers * kept.hidden * learned + layer
    else:
        held = keys_read + sizes.layers * layer
    loss = LOGIT_BYTES * logits
    backward = held, max(loss, WORK_BYTES * widest * learned + matrix)
    if recipe.deep:
        return backward
    return max(backward, (keys_read, WORK_BYTES * widest * load.tokens + matrix), key=sum)


def _width(recipe: Recipe) -> int:
    return 4 if recipe.precision == "fp32" else 2


def _ends(name: str, end: str) -> bool:
    return name == end or name.endswith(f".{end}")
