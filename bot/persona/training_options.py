"""The table [training] of persona.toml: values that replace those of the trainer's recipe."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from bot.device_name import DeviceName
from bot.toml import Section

Layer = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$")]


def _option(meaning: str, unit: str = "", **limits: float) -> Any:
    """Return the field of an option, which is absent by default; `training recipe` prints what it says."""
    told: Any = {"description": meaning, "json_schema_extra": {"unit": unit}, **limits}
    return Field(default=None, **told)


class TrainingOptions(Section):
    """Options of training. The trainer chooses a value for each absent key and prints it with its reason."""

    rank: int | None = _option("The rank of the adapter's matrices: more can hold more.", ge=1, le=256)
    alpha: float | None = _option("The LoRA scale, before it is divided by the rank.", gt=0, le=1024)
    rslora: bool | None = _option("Divide alpha by the root of the rank (arXiv 2312.03732), not by the rank.")
    layers: tuple[Layer, ...] | None = _option(
        'The endings of the names of linear layers that learn, such as ["q_proj", "v_proj"].'
    )
    dropout: float | None = _option(
        "The share of the adapter's input that each step leaves out.", "share", ge=0, lt=1
    )
    rate: float | None = _option("The peak learning rate.", gt=0)
    facts_rate: float | None = _option("The peak learning rate while documents/ are learned.", gt=0)
    warmup: float | None = _option("The share of steps in which the rate rises.", "share", ge=0, lt=1)
    decay: float | None = _option("The weight decay of AdamW.", ge=0)
    clip: float | None = _option("The largest norm of a step's gradients; longer ones are cut.", gt=0)
    batch: int | None = _option("The answers that a step learns from.", "answers", ge=1)
    epochs: int | None = _option("The times that all answers are learned.", "epochs", ge=1, le=100)
    facts_epochs: int | None = _option(
        "The times that documents/ are read; 0 leaves them out.", "epochs", ge=0, le=100
    )
    evaluations: int | None = _option(
        "The measurements on the validation set in each epoch.", "in an epoch", ge=1
    )
    patience: int | None = _option(
        "The measurements in a row without progress that end training.", "measurements", ge=1
    )
    save_every: int | None = _option(
        "The steps between two saves of the run; 0 spreads twenty over it.", "steps", ge=0
    )
    neutral: float | None = _option(
        "The everyday questions among the examples, as a share of all answers.",
        "share",
        ge=0,
        le=1,
    )
    identity: bool | None = _option("Learn questions for the persona's name too.")
    replay: float | None = _option(
        "The old examples that --continue-from learns again, as a share of the new ones.", "share", ge=0, le=1
    )
    seed: int | None = _option("The seed of all random choices of a run.", ge=0)
    row: int | None = _option("The length of a packed row of examples.", "tokens", ge=64)
    deep: bool | None = _option("Backpropagate through the prompt too, not through the answer alone.")
    checkpointing: bool | None = _option("Compute activations twice: less memory, a third slower.")
    precision: Literal["nf4", "int8", "bf16", "fp16", "fp32"] | None = _option(
        "The weights' format of the base model during training."
    )
    device: DeviceName | None = _option('The device that trains: "cpu", "cuda", "cuda:1".')
