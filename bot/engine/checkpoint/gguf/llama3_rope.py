"""The parameters of Llama 3's rotary scaling, found again from the factors that GGUF files hold of it.

llama.cpp writes one factor a frequency: 1 for short waves, the full factor for long ones, and between them
1 / ((1 - s) / factor + s), with s = (original / wave - low) / (high - low).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.untrusted import RefusedFile

Factors = NDArray[np.float32]
Waves = NDArray[np.float64]
LOW, HIGH, ORIGINAL = 1.0, 4.0, 8192  # of all models of Meta
_POWERS = tuple(1 << power for power in range(5, 21))  # tried where no factor lies between
_NEAR = 1e-3  # how far factors may be from the formula, relatively; files hold them in 32 bits


def llama3_parameters(theta: float, factors: Factors, original: int | None) -> dict[str, Any]:
    """Return what `rope_parameters` has of this scaling; nothing for factors of one.

    Raises `RefusedFile` for factors of another formula.
    """
    if np.allclose(factors, 1, rtol=1e-6):
        return {}
    waves = 2 * np.pi * theta ** (np.arange(factors.size) / factors.size)
    factor = float(str(factors.max()))
    for context, low, high in _candidates(waves, factors, factor, original):
        if np.allclose(_formula(waves, factor, context, low, high), factors, rtol=_NEAR):
            return {
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low,
                "high_freq_factor": high,
                "original_max_position_embeddings": context,
            }
    raise RefusedFile("its rotary factors are not those of Llama 3", "take another file, or another model")


def _candidates(
    waves: Waves, factors: Factors, factor: float, original: int | None
) -> list[tuple[int, float, float]]:
    """Return original contexts with the low and high factor: usual ones, and those that fit best."""
    found = [(context, LOW, HIGH) for context in (original, ORIGINAL, *_POWERS) if context]
    between = (factors > 1 + _NEAR) & (factors < factor * (1 - _NEAR))
    wave = waves[between]
    share = (1 / factors[between].astype(np.float64) - 1 / factor) / (1 - 1 / factor)
    if wave.size:
        found.append((round(float(np.median(wave * (LOW + share * (HIGH - LOW))))), LOW, HIGH))
    if wave.size > 1:  # original / wave - share * high = low * (1 - share), solved for original and high
        (context, high), *_ = np.linalg.lstsq(np.stack([1 / wave, -share], 1), LOW * (1 - share), rcond=None)
        found.append((round(float(context)), LOW, round(float(high), 3)))
    return [each for each in found if each[0] > 0 and each[2] > each[1]]


def _formula(waves: Waves, factor: float, context: int, low: float, high: float) -> Waves:
    share = np.clip((context / waves - low) / (high - low), 0, 1)
    return np.asarray(1 / ((1 - share) / factor + share))
