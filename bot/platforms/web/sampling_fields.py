"""The values of sampling as a form shows them: help, bounds and step of each."""

from bot.chat.scoped_sampling import ROUNDS, SAMPLING_VALUES
from bot.persona.history_limits import MAX_ROUNDS
from bot.persona.persona import Sampling

_UNBOUNDED = {"top_k": 1_000, "min_tokens": 32_768, ROUNDS: MAX_ROUNDS}  # the most that a form offers
_FINE = 0.01  # the step of numbers with a fraction


def sampling_fields() -> list[dict[str, object]]:
    """Return each value with its bounds; `default` is left out where only a persona has one."""
    return [_field(name, text) for name, text in SAMPLING_VALUES.items()]


def _field(name: str, text: str) -> dict[str, object]:
    if name == ROUNDS:
        return {"name": name, "help": text, "min": 0, "max": MAX_ROUNDS, "step": 1}
    info = Sampling.model_fields[name]
    step = 1 if info.annotation is int else _FINE
    bounds: dict[str, int | float] = {"min": 0, "max": _UNBOUNDED.get(name, 1)}
    for each in info.metadata:
        if (least := getattr(each, "ge", None)) is not None:
            bounds["min"] = least
        elif getattr(each, "gt", None) is not None:
            bounds["min"] = step
        elif (most := getattr(each, "le", None)) is not None:
            bounds["max"] = most
    return {"name": name, "help": text, "default": info.default, **bounds, "step": step}
