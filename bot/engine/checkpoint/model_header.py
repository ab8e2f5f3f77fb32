"""A base model by its files' headers, before any weight is read: family, sizes and bits."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.engine.checkpoint.families import Standing

EMBEDDINGS = (".embed_tokens.weight", ".wte.weight", ".token_embd.weight")  # ends of tensor names
HEADS = (".lm_head.weight", ".output.weight")


@dataclass(frozen=True, slots=True)
class ModelHeader:
    """A base model by its headers. `fault`: why it is not served; `bits`: such as Q4_K_M, nf4 or bf16.

    `table` and `head` are the numbers of the embeddings and of an output head of its own (0: the embeddings
    are the head). `heads` with `scored` scores lie in memory. `bytes` are those of the weight files.
    """

    family: str
    standing: Standing
    fault: str
    bits: str
    parameters: int
    bytes: int
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int
    table: int
    head: int
    is_scored: bool = False
    is_gguf: bool = False
    is_packable: bool = False  # a folder of one text model whose matrices have whole blocks of 64 columns

    @property
    def kv_numbers(self) -> int:
        """Numbers of one token's keys and values in all layers."""
        return 2 * self.layers * self.kv_heads * self.head_size

    @property
    def is_plausible(self) -> bool:
        """True where there are as many weights as the sizes ask for; False of damaged sizes."""
        a_layer = self.hidden * (self.intermediate + 2 * self.kv_heads * self.head_size)
        return 0 < self.layers * a_layer + self.vocabulary * self.hidden <= self.parameters

    @property
    def lora_width(self) -> int:
        """Inputs and outputs of all linear layers but the head: the numbers of an adapter of rank 1."""
        attention = 2 * (self.hidden + self.heads * self.head_size)
        shared = 2 * (self.hidden + self.kv_heads * self.head_size)
        return self.layers * (attention + shared + 3 * (self.hidden + self.intermediate))


def count_of(values: Mapping[str, object], *keys: str) -> int:
    """Return the value of the first key that holds a count; 0 for none."""
    found = (values.get(key) for key in keys)
    return next((value for value in found if type(value) is int and 0 <= value < 1 << 32), 0)


def numbers_of(numbers: Mapping[str, int], ends: tuple[str, ...]) -> int:
    """Return the numbers of the first tensor with one of these names, in any module; 0 for none."""
    return next((count for name, count in numbers.items() if f".{name}".endswith(ends)), 0)
