"""The only road to what a model reads, for serving and for training."""

from typing import Protocol


class Tokenizer(Protocol):
    """A base model's tokenizer as prompts need it: text that people wrote never becomes a control token."""

    @property
    def template(self) -> str | None:
        """The model's own chat template (Jinja), or None when it has none."""

    @property
    def special(self) -> dict[str, str]:
        """Named special tokens for the template: `bos_token`, `eos_token` and the like."""

    @property
    def control(self) -> frozenset[int]:
        """Every id that content must never contain."""

    @property
    def end(self) -> frozenset[int]:
        """The ids that end a turn or a text, as the model's own configuration says."""

    def encode(self, text: str) -> list[int]:
        """Content to ids; none of them is a control id, and no space or special token is added."""

    def encode_template(self, text: str) -> list[int]:
        """A template's own text to ids; here control tokens are recognised."""

    def decode(self, ids: list[int]) -> str:
        """Ids to text, control tokens left out."""
