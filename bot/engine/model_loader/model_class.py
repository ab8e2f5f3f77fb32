"""The class of transformers that a base model is loaded as: a model of text, alone or in a wrapper."""

from typing import Any

from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
)

from bot.errors import UserError


def model_class_of(config: Any, name: str) -> Any:
    """Return the class that loads a model of this configuration; `name` is the model's.

    A model that also reads images answers text as the text model inside it does. Raises `UserError` for a
    model that writes no text.
    """
    if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING:
        return AutoModelForCausalLM
    if type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        return AutoModelForImageTextToText
    raise UserError(
        f"The base model {name} could not be loaded: models of the kind {config.model_type} write no text, "
        "or transformers does not load them as chat models. Choose another [model] name."
    )
