"""The table [training] of persona.toml: values that replace those of the trainer's recipe."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bot.device_name import DeviceName
from bot.toml import Section

Layer = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$")]


class TrainingOptions(Section):
    """Options of training. The trainer chooses a value for each absent key and prints it with its reason."""

    rank: int | None = Field(default=None, ge=1, le=256)  # of the adapter's matrices
    alpha: float | None = Field(default=None, gt=0, le=1024)  # LoRA scale, before it is divided by the rank
    rslora: bool | None = None  # divide alpha by the root of the rank (arXiv 2312.03732), not by the rank
    layers: tuple[Layer, ...] | None = None  # endings of the names of linear layers
    dropout: float | None = Field(default=None, ge=0, lt=1)  # of the adapter's input
    rate: float | None = Field(default=None, gt=0)  # peak learning rate
    facts_rate: float | None = Field(default=None, gt=0)  # peak learning rate of the stage "facts"
    warmup: float | None = Field(default=None, ge=0, lt=1)  # share of steps in which the rate rises
    decay: float | None = Field(default=None, ge=0)  # weight decay of AdamW
    clip: float | None = Field(default=None, gt=0)  # largest gradient norm of a step
    batch: int | None = Field(default=None, ge=1)  # answers in a step
    epochs: int | None = Field(default=None, ge=1, le=100)
    facts_epochs: int | None = Field(default=None, ge=0, le=100)
    evaluations: int | None = Field(default=None, ge=1)  # on the validation set, in each epoch
    patience: int | None = Field(default=None, ge=1)  # evaluations without progress that end training
    save_every: int | None = Field(default=None, ge=0)  # steps between two saves; 0: twenty in a run
    neutral: float | None = Field(default=None, ge=0, le=1)  # everyday questions, as a share of all answers
    identity: bool | None = None  # questions for the persona's name
    replay: float | None = Field(default=None, ge=0, le=1)  # of old examples, as a share of the new ones
    seed: int | None = Field(default=None, ge=0)
    row: int | None = Field(default=None, ge=64)  # tokens of a packed row
    deep: bool | None = None  # full backpropagation: through the prompt too, not through the answer alone
    checkpointing: bool | None = None  # recompute activations: less memory, a third slower
    precision: Literal["nf4", "int8", "bf16", "fp16", "fp32"] | None = None  # of the base model
    device: DeviceName | None = None  # "cpu", "cuda", "cuda:1"
