"""Checks that a model's weights are those that its config.json describes, before and after they are read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.errors import UserError

_LAYERS = 1_000  # the largest models have some hundred
_PER_BYTE = 4  # numbers that a byte of the files holds at most, with room for packed and tied weights
_SIZES = ("vocab_size", "intermediate_size", "hidden_size")


def check_sizes(config: Any, folder: Path) -> None:
    """Raise `UserError` for sizes in config.json that the weight files cannot hold.

    A library makes room for all of it before it reads a weight. Without weight files, as where a model is
    only described, the layers alone are looked at.
    """
    inner = config.get_text_config()
    held = _PER_BYTE * sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    width = _size(inner, "hidden_size")
    is_wide = held and any(width * _size(inner, key) > held for key in _SIZES)
    if is_wide or _size(inner, "num_hidden_layers") > _LAYERS:
        raise UserError(
            f"{folder / 'config.json'} describes a larger model than its weight files hold: "
            "copy or download the model again."
        )


def check_complete(loaded: Mapping[str, Any], folder: Path) -> None:
    """Raise `UserError` where weights were missing: the library has put random numbers in their place.

    `loaded` is the report of `from_pretrained`.
    """
    if missing := sorted(loaded["missing_keys"]):
        raise UserError(
            f"The weights in {folder} are not whole: {len(missing):,} of the tensors that it needs are "
            f"missing, such as {missing[0][:100]}. Copy or download the model again."
        )


def _size(config: Any, key: str) -> int:
    size = getattr(config, key, 0)
    return size if isinstance(size, int) else 0
