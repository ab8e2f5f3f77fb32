"""The table [training] of persona.toml: what somebody wants otherwise than the trainer's recipe has it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bot.toml import Section

Layer = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$")]


class TrainingOptions(Section):
    """A key that is absent is chosen by the trainer, which prints each value with its reason."""

    rank: int | None = Field(default=None, ge=1, le=256)  # of the adapter's matrices
    alpha: float | None = Field(default=None, gt=0, le=1024)  # what the adapter is multiplied by, before rank
    rslora: bool | None = None  # divide alpha by the root of the rank (arXiv 2312.03732), not by the rank
    layers: tuple[Layer, ...] | None = None  # endings of the names of linear layers
    dropout: float | None = Field(default=None, ge=0, lt=1)  # of what the adapter reads
    rate: float | None = Field(default=None, gt=0)  # the highest learning rate
    facts_rate: float | None = Field(default=None, gt=0)  # the same while documents are learned
    warmup: float | None = Field(default=None, ge=0, lt=1)  # the share of the steps in which the rate rises
    decay: float | None = Field(default=None, ge=0)  # of weights, as AdamW has it
    clip: float | None = Field(default=None, gt=0)  # the largest norm of a step's gradients
    batch: int | None = Field(default=None, ge=1)  # answers in a step
    epochs: int | None = Field(default=None, ge=1, le=100)
    facts_epochs: int | None = Field(default=None, ge=0, le=100)
    evaluations: int | None = Field(default=None, ge=1)  # in an epoch, on what is held out
    patience: int | None = Field(default=None, ge=1)  # evaluations without progress after which training ends
    neutral: float | None = Field(default=None, ge=0, le=1)  # everyday questions, as a share of all answers
    identity: bool | None = None  # questions for the persona's name
    replay: float | None = Field(default=None, ge=0, le=1)  # of what it knows already, as a share of the new
    seed: int | None = Field(default=None, ge=0)
    row: int | None = Field(default=None, ge=64)  # tokens that are read at once
    deep: bool | None = (
        None  # let gradients go through all that was read before an answer, not through it alone
    )
    checkpointing: bool | None = None  # forget activations and make them again: less memory, a third slower
    precision: Literal["nf4", "int8", "bf16", "fp16", "fp32"] | None = None  # of the base model
    device: str | None = None  # "cpu", "cuda", "cuda:1"
