"""Recovery of a device whose context was lost: wait until it computes again, or give up."""

from time import sleep

import torch

from bot.engine.runtime.device_faults import DeviceFault
from bot.engine.runtime.errors import device_answers, free_memory
from bot.errors import RestartNeeded

PAUSES = (0.0, 1.0, 3.0)  # seconds before each attempt


def wait_for_device(device: str) -> None:
    """Return when the device computes; call it when nothing of this process is on the device any more.

    A context of CUDA that had such an error stays broken as long as the process lives, in most cases:
    `RestartNeeded` then ends the process.
    """
    free_memory()
    for pause in PAUSES:
        sleep(pause)
        if device_answers(torch.device(device)):
            return
    raise RestartNeeded(f"The model cannot go on: {DeviceFault.CONTEXT_LOST.value}.")
