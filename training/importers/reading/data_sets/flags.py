"""Flags by which data sets keep an answer out of training, under the names of all programs.

`loss` and `loss_scale` are of ms-swift and xtuner, `train` of axolotl, `weight` of Mistral and OpenAI,
`loss_weight` and `kto_tag` of LLaMA-Factory, `output_with_loss` of xtuner's older files, `label` of TRL.
"""

from collections.abc import Mapping
from typing import Any

TURN_FLAGS = ("loss", "train", "weight", "loss_weight", "loss_scale", "output_with_loss", "kto_tag")
REJECTED = "answers that were rejected"
_REJECTED_HALVES = (
    "rejected",
    "rejected_response",
    "response_rejected",
    "rejected_responses",
    "rejected_messages",
    "rejected_conversations",
    "non_preferred_output",
)
_NO = frozenset(("false", "no", "0", "0.0"))


def denies(value: Any) -> bool:
    """Return True for False, for 0 and for their names as text."""
    if isinstance(value, str):
        return value.strip().casefold() in _NO
    return isinstance(value, bool | int | float) and not value


def is_trained(record: Mapping[str, Any]) -> bool:
    """Return False for a record, a turn or a part of a text that any flag keeps out of training."""
    return not any(denies(record[name]) for name in TURN_FLAGS if name in record)


def is_rejected(record: Mapping[str, Any]) -> bool:
    """Return True for a record whose only answer was rejected; a label that is a number is a class."""
    label = record.get("label")
    return denies(record.get("kto_tag")) or (isinstance(label, bool | str) and denies(label))


def rejected_halves(record: Mapping[str, Any]) -> int:
    """Return the number of rejected answers beside a chosen one."""
    return sum(bool(record.get(name)) for name in _REJECTED_HALVES)
