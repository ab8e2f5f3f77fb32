"""Speed of decoding on a card, as its memory allows: an estimate from sizes that no card ever confirmed."""

import re
from dataclasses import dataclass

from bot.engine.model_loader.memory_prediction import ServingSizes

LENGTH = 1000  # tokens of each conversation of an estimate
_GIGABYTE = 10**9

# GB/s by NVIDIA's data sheets, under the name that the driver gives without maker, brand and "GPU". Cards of
# one name with several memories have the commonest one's.
_BANDWIDTHS = """
GTX 1060:192 GTX 1070:256 GTX 1080:320 GTX 1080 Ti:484 GTX 1650:128 GTX 1660:192 GTX 1660 SUPER:336
GTX 1660 Ti:288 RTX 2060:336 RTX 2060 SUPER:448 RTX 2070:448 RTX 2070 SUPER:448 RTX 2080:448
RTX 2080 SUPER:496 RTX 2080 Ti:616 RTX 3050:224 RTX 3060:360 RTX 3060 Ti:448 RTX 3070:448 RTX 3070 Ti:608
RTX 3080:760 RTX 3080 Ti:912 RTX 3090:936 RTX 3090 Ti:1008 RTX 4060:272 RTX 4060 Ti:288 RTX 4070:504
RTX 4070 SUPER:504 RTX 4070 Ti:504 RTX 4070 Ti SUPER:672 RTX 4080:717 RTX 4080 SUPER:736 RTX 4090:1008
RTX 5060:448 RTX 5060 Ti:448 RTX 5070:672 RTX 5070 Ti:896 RTX 5080:960 RTX 5090:1792
RTX 3060 Laptop:336 RTX 3070 Laptop:448 RTX 3080 Laptop:448 RTX 4050 Laptop:192 RTX 4060 Laptop:256
RTX 4070 Laptop:256 RTX 4080 Laptop:432 RTX 4090 Laptop:576
RTX A2000:288 RTX A4000:448 RTX A5000:768 RTX A6000:768 RTX 4000 Ada Generation:360
RTX 6000 Ada Generation:960 T4:320 P40:346 P100-PCIE-16GB:732 V100-SXM2-16GB:900 V100-SXM2-32GB:900 A10:600
A10G:600 L4:300 A40:696 L40:864 L40S:864 A100-SXM4-40GB:1555 A100-PCIE-40GB:1555 A100-SXM4-80GB:2039
A100-PCIE-80GB:1935 A100 80GB PCIe:1935 H100 PCIe:2000 H100 80GB HBM3:3350 H200:4800
"""
_ENTRY = re.compile(r"(\S[^:\n]*?):(\d+)")
_AROUND = re.compile(r"\b(?:NVIDIA|GeForce|Tesla|Quadro|GPU)\b")


@dataclass(frozen=True, slots=True)
class CardSpeed:
    """Bytes that one decoding step reads, and the tokens a second at which the card's memory limits it."""

    rows: int
    weights: int
    adapters: int
    conversations: int
    tokens_per_second: float


def bandwidth_of(name: str, clock_khz: int = 0, bus_bits: int = 0) -> int | None:
    """Return a card's bytes a second: by its name, else by its memory's clock and bus; None if unknown.

    Memory of two transfers a clock, as drivers count the clock.
    """
    known = {entry: int(speed) * _GIGABYTE for entry, speed in _ENTRY.findall(_BANDWIDTHS)}
    measured = 2 * clock_khz * 1000 * bus_bits // 8
    return known.get(" ".join(_AROUND.sub(" ", name).split()), measured or None)


def predict_speed(sizes: ServingSizes, bandwidth: int, rows: int, length: int = LENGTH) -> CardSpeed:
    """Return the speed of `rows` conversations of `length` tokens, each under an adapter of its own.

    tokens/s = rows * bandwidth / (weights + rows * (adapter + length * bytes of a token's keys and values))
    """
    adapters, conversations = rows * sizes.adapter, rows * length * sizes.token_bytes
    seconds = (sizes.read + adapters + conversations) / bandwidth
    return CardSpeed(rows, sizes.read, adapters, conversations, rows / seconds)
