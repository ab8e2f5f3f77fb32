"""Settings: config.toml and the environment, checked before anything starts."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A table of config.toml; keys it does not know are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSettings(Section):
    """The base model that every persona shares."""

    name: str = "HuggingFaceTB/SmolLM2-135M-Instruct"  # a folder, a .gguf file, or a name on the hub
    precision: Literal["auto", "nf4", "int8", "bf16", "fp16", "fp32"] = "auto"
    device: str = "auto"  # "cpu", "cuda", "cuda:1"; "auto" spreads a large model over what there is
    context: int = Field(default=4096, ge=256)  # tokens of prompt and answer together
    template: str = ""  # a chat template (Jinja, or the name of a built-in one) for a model that has none
    threads: int = Field(default=0, ge=0)  # CPU threads of the engine; 0 is every core
