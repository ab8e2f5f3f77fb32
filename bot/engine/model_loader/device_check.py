"""Check of the device before a base model is loaded on it: driver, card, and code of torch for the card."""

import platform
import sys

import torch

from bot.engine.runtime.device_faults import DeviceFault, device_fault_of
from bot.engine.runtime.nvidia import cuda_remedy
from bot.errors import UserError

SPILL_RESERVE = 256 << 20  # bytes of a card that stay free on Windows: below that its driver moves memory


def check_device(device: str) -> None:
    """Raise `UserError` unless torch can compute on this device of the settings."""
    if device.startswith("cuda"):
        _check_driver(device)
        index = torch.device(device).index or 0
        _check_index(device, index)
        _check_code(index)


def _check_driver(device: str) -> None:
    if torch.cuda.is_available():
        return
    if remedy := cuda_remedy(device):
        raise UserError(f'[model] device is "{device}", but {remedy}')
    fault = DeviceFault.NO_CARD
    try:
        torch.cuda.current_device()  # says why
    except (RuntimeError, AssertionError) as error:
        fault = device_fault_of(error) or fault
    raise UserError(f'[model] device is "{device}", but {fault.value}.')


def _check_index(device: str, index: int) -> None:
    count = torch.cuda.device_count()
    if index >= count:
        last = f' to "cuda:{count - 1}"' if count > 1 else ""
        raise UserError(f'[model] device is "{device}", which is not there: set it to "cuda:0"{last}.')


def _check_code(index: int) -> None:
    """Refuse a card for which this build of torch has neither code nor PTX."""
    built = [name.split("_") for name in torch.cuda.get_arch_list()]
    capability = torch.cuda.get_device_capability(index)
    if not built or not all(name[0] in ("sm", "compute") for name in built):
        return  # a build that does not say, or one for another maker's cards
    if not any(_runs(kind, version, capability) for kind, version, *_ in built):
        card = f"{torch.cuda.get_device_name(index)} (compute capability {capability[0]}.{capability[1]})"
        raise UserError(f"{card}: {DeviceFault.NO_KERNEL_IMAGE.value}.")


def _runs(kind: str, version: str, capability: tuple[int, int]) -> bool:
    """Return whether a card runs code ("sm", "86") or translates PTX ("compute", "90")."""
    number = version.rstrip("af")
    major, minor = int(number[:-1]), int(number[-1])
    if version.endswith("a"):
        return (major, minor) == capability
    later = (major, minor) <= capability
    return later and (major == capability[0] or (kind == "compute" and not version.endswith("f")))


def card_spills() -> bool:
    """Return whether the driver moves memory of a full card into main memory instead of failing.

    NVIDIA's drivers for Windows do so since 536.40, in its subsystem for Linux too.
    """
    return sys.platform == "win32" or "microsoft" in platform.uname().release.lower()


def spill_advice(device: str) -> str | None:
    """Return what to set where a full card would become slow instead of failing; None elsewhere."""
    if device == "cpu" or not card_spills() or not torch.cuda.is_available():
        return None
    return (
        "a full card gets slow here, since its driver moves memory into main memory: choose "
        '"Prefer No Sysmem Fallback" under CUDA - Sysmem Fallback Policy in the NVIDIA Control Panel'
    )


def limit_memory(device: str) -> None:
    """Let torch fail where it would take more of the card than is free now, if the driver would not fail.

    Elsewhere there is no limit: memory that other programs give back later is of use.
    """
    if not device.startswith("cuda") or not card_spills():
        return
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        room = free + torch.cuda.memory_reserved(index) - SPILL_RESERVE
        torch.cuda.set_per_process_memory_fraction(max(0.0, min(1.0, room / total)), index)
