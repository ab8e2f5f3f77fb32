"""A persona: a card (who it is), usually an adapter (how it speaks), and how its words are drawn."""

from pydantic import BaseModel, ConfigDict, Field


class Sampling(BaseModel):
    """How the next token is drawn. The defaults suit chat with a small model; a persona sets its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(default=0.8, ge=0, le=5)  # 0 is greedy: always the likeliest token
    top_p: float = Field(default=0.95, gt=0, le=1)  # the smallest set of tokens that holds this probability
    top_k: int = Field(default=0, ge=0)  # the k likeliest tokens; 0 keeps all
    min_p: float = Field(
        default=0.05, ge=0, le=1
    )  # tokens at least this share of the likeliest one's probability
    repetition_penalty: float = Field(
        default=1.1, gt=0, le=2
    )  # over prompt and answer, as in arXiv 1909.05858
    min_tokens: int = Field(default=0, ge=0)  # no end of turn before that
    max_tokens: int = Field(default=256, ge=1, le=32_768)  # the longest answer
