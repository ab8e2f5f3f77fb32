"""Names of devices in settings, each with the reason why a device is not served."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_KNOWN = re.compile(r"auto|cpu|cuda(:\d+)?")
# torch 2.13, which this bot is made for. An error of its products depends on what was computed before, so no
# trial at a start finds it (pytorch/pytorch: issues 193487, 195163, 195910).
_APPLE = (
    "torch 2.13 multiplies matrices wrongly on Apple's GPU, without a word and not each time, "
    'so the CPU serves there: set it to "cpu"'
)
_REASONS = {
    "mps": _APPLE,
    "metal": _APPLE,
    "rocm": 'torch calls AMD\'s cards "cuda" too: set it to "cuda"',
    "hip": 'torch calls AMD\'s cards "cuda" too: set it to "cuda"',
    "xpu": 'cards of Intel were never tried here: set it to "cpu"',
    "gpu": 'a card is called "cuda": set it to "cuda"',
}
_OTHER = 'known are "cpu", "cuda" (a card of NVIDIA or AMD) and "cuda:1" (the second one)'


def _check(name: str) -> str:
    if not _KNOWN.fullmatch(name):
        reason = _REASONS.get(name.lower().partition(":")[0], _OTHER)
        raise PydanticCustomError("device", "{reason}", {"reason": reason})
    return name


DeviceName = Annotated[str, AfterValidator(_check)]
