"""The free memory of a device, and the peak of this process."""

import torch

from bot.system import memory


def available_memory(device: str) -> int | None:
    """Return the free bytes of a device, "cpu" or "cuda..."; None where the system does not tell."""
    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(device)[0]
    return memory.available_memory()


def device_name(device: str) -> str:
    """Return the name of a device for people: a card's own name, or "the CPU"."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "the CPU"


def peak_memory(device: str) -> int:
    """Return the most bytes that this process had on a device.

    Counts from the last `reset_peak_memory` on CUDA and Linux, else from the start of the process.
    """
    if device.startswith("cuda"):
        return torch.cuda.max_memory_reserved(device)
    return memory.peak_memory()


def reset_peak_memory(device: str) -> None:
    """Start the peak again from the memory that is held now."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    else:
        memory.reset_peak_memory()
