"""Rotary parameters of a GGUF file as transformers' `rope_parameters`."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isclose, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.engine.checkpoint.gguf.cursor import BrokenGguf
from bot.engine.checkpoint.gguf.llama3_rope import llama3_parameters
from bot.engine.checkpoint.gguf.metadata import Metadata
from bot.engine.checkpoint.gguf.sizes import ModelSizes
from bot.untrusted import RefusedFile

Factors = NDArray[np.float32]
Rope = dict[str, Any]
DEFAULT_THETA = 10_000.0
_OTHER_FILE = "take another file, or another model"


@dataclass(frozen=True, slots=True)
class RopeSource:
    """The origin of rotary parameters: keys below `{architecture}.rope.`, and tensors of factors."""

    metadata: Metadata
    architecture: str
    sizes: ModelSizes
    factors: Callable[[str], Factors | None]  # of a tensor by its name, None without it

    def number(self, key: str) -> float | None:
        """Return a number below `rope.`."""
        return self.metadata.get_number(f"{self.architecture}.rope.{key}")

    def whole(self, key: str) -> int | None:
        """Return a whole number below `rope.`."""
        return self.metadata.get_whole(f"{self.architecture}.rope.{key}")


def read_rope(source: RopeSource, is_partial: bool) -> Rope:
    """Return the rotary parameters; raises `RefusedFile` for those that transformers cannot have.

    `is_partial`: the family may rotate a part of each head.
    """
    rope: Rope = {"rope_theta": _theta(source), "rope_type": "default"}
    rotated, head = source.whole("dimension_count") or source.sizes.head, source.sizes.head
    if rotated > head or rotated % 2 or (rotated != head and not is_partial):
        raise RefusedFile(f"it rotates {rotated} of {head} numbers of a head", _OTHER_FILE)
    if is_partial:
        rope["partial_rotary_factor"] = rotated / head
    return rope | _scaling(source, rope["rope_theta"], rotated)


def _theta(source: RopeSource) -> float:
    theta = source.number("freq_base")
    theta = DEFAULT_THETA if theta is None else theta
    if theta <= 1:
        raise BrokenGguf(f"its rotary base is {theta}")
    return theta


def _scaling(source: RopeSource, theta: float, rotated: int) -> Rope:
    """Return what stretches the positions, by tensors of factors or by the kind that the metadata name."""
    long, short = source.factors("rope_factors_long.weight"), source.factors("rope_factors_short.weight")
    if long is not None and short is not None:
        return _longrope(source, long, short, rotated)
    if (factors := source.factors("rope_freqs.weight")) is not None:
        original = source.whole("scaling.original_context_length")
        return llama3_parameters(theta, _checked(factors, rotated), original)
    kind = source.metadata.get_text(f"{source.architecture}.rope.scaling.type")
    old_factor = source.number("scale_linear")  # of files that name no kind
    kind = kind or ("linear" if old_factor not in (None, 1.0) else "none")
    match kind:
        case "none":
            return {}
        case "linear":
            return _linear(source.number("scaling.factor") or old_factor or 1.0)
        case "yarn":
            return _yarn(source)
    raise RefusedFile(f"its positions are stretched by {kind[:40]} without factors", _OTHER_FILE)


def _linear(factor: float) -> Rope:
    _check_factor(factor)
    return {} if factor == 1 else {"rope_type": "linear", "factor": factor}


def _yarn(source: RopeSource) -> Rope:
    factor, original = source.number("scaling.factor"), source.whole("scaling.original_context_length")
    if not factor:
        raise BrokenGguf("it stretches positions and does not say by which factor")
    _check_factor(factor)
    rope: Rope = {
        "rope_type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": original or max(1, int(source.sizes.context / factor)),
    }
    if source.number("scaling.yarn_ext_factor") not in (None, 1.0):
        raise RefusedFile("it mixes stretched positions by a factor of its own", _OTHER_FILE)
    names = {
        "yarn_attn_factor": "attention_factor",
        "yarn_beta_fast": "beta_fast",
        "yarn_beta_slow": "beta_slow",
    }
    for key, name in names.items():
        if (value := source.number(f"scaling.{key}")) is not None:
            rope[name] = value
    return rope


def _longrope(source: RopeSource, long: Factors, short: Factors, rotated: int) -> Rope:
    context = source.sizes.context
    original = source.whole("scaling.original_context_length") or context
    factor = context / original
    computed = sqrt(1 + log(factor) / log(original)) if factor > 1 and original > 1 else 1.0
    rope: Rope = {
        "rope_type": "longrope",
        "factor": factor,
        "original_max_position_embeddings": original,
        "short_factor": _decimals(_checked(short, rotated)),
        "long_factor": _decimals(_checked(long, rotated)),
    }
    stored = source.number("scaling.attn_factor")
    if stored is not None and not isclose(stored, computed, rel_tol=1e-6):
        rope["attention_factor"] = stored
    return rope


def _checked(factors: Factors, rotated: int) -> Factors:
    if factors.size != rotated // 2 or not np.isfinite(factors).all() or factors.min() <= 0:
        raise BrokenGguf("its rotary factors are none")
    return factors


def _check_factor(factor: float) -> None:
    if factor <= 0:
        raise BrokenGguf(f"it stretches positions by {factor}")


def _decimals(factors: Factors) -> list[float]:
    """Return the shortest decimals that round to these numbers."""
    return [float(str(factor)) for factor in factors]
