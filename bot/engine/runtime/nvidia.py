"""A graphics card that the driver lists and the installed torch cannot use.

PyPI's torch for Windows has no CUDA, and so have CPU builds for Linux: then every model runs on the CPU.
"""

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

_SECONDS = 5.0  # for nvidia-smi, which hangs while a driver is broken
_INDEX = "https://download.pytorch.org/whl"
_CUDA_13_DRIVER, _CUDA_13_CAPABILITY = 580.0, 7.5  # the oldest that run CUDA 13: driver, card
_BLACKWELL = 10.0  # the compute capability from which CUDA 12.6 does not know a card
_QUERY = ("--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader")


@dataclass(frozen=True, slots=True)
class ListedCard:
    """A card as the driver lists it, with the versions of driver and compute capability as numbers."""

    name: str
    driver: float
    capability: float


def cuda_remedy(device: str) -> str | None:
    """Return a sentence with the line that installs a torch for this machine's card.

    Returns None where torch has CUDA or ROCm, the driver lists no card, or the setting `device` is "cpu".
    """
    if device == "cpu" or has_gpu_build() is not False or (card := listed_card()) is None:
        return None
    cuda = "cu130" if _runs_cuda_13(card) or card.capability >= _BLACKWELL else "cu126"
    release = version("torch").partition("+")[0]
    line = f"{_python()} -m pip install --upgrade torch=={release} --index-url {_INDEX}/{cuda}"
    before = "update its driver to 580 or newer, then " if cuda == "cu130" and not _runs_cuda_13(card) else ""
    return (
        f"torch {release} is installed without CUDA, so that {card.name} is not used: {before}run `{line}`."
    )


def listed_card() -> ListedCard | None:
    """Return the first card that nvidia-smi lists; None without one or without the program."""
    if (program := shutil.which("nvidia-smi")) is None:
        return None
    try:
        options = {"timeout": _SECONDS, "stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        listed = subprocess.check_output([program, *_QUERY], encoding="utf-8", errors="replace", **options)  # type: ignore[call-overload]
    except (OSError, subprocess.SubprocessError):
        return None
    name, *numbers = (part.strip() for part in listed.partition("\n")[0].split(","))
    driver, capability = (*map(_number, numbers), 0.0, 0.0)[:2]
    return ListedCard(name, driver, capability) if name else None


def _number(text: str) -> float:
    match = re.match(r"\d+(\.\d+)?", text)
    return float(match[0]) if match else 0.0


def _runs_cuda_13(card: ListedCard) -> bool:
    return card.driver >= _CUDA_13_DRIVER and card.capability >= _CUDA_13_CAPABILITY


def has_gpu_build() -> bool | None:
    """Return whether the installed torch is built for graphics cards; None where its files do not say.

    Reads torch/version.py, since importing torch takes seconds.
    """
    found = find_spec("torch")
    if found is None or found.origin is None:
        return None
    try:
        text = Path(found.origin).with_name("version.py").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    builds = re.findall(r"^(?:cuda|hip)\b[^=\n]*=\s*(.+)$", text, re.MULTILINE)
    return any(build.strip() != "None" for build in builds) if builds else None


def _python() -> str:
    """Return this interpreter as a shell takes it: PowerShell calls a quoted program by `&`."""
    if sys.platform == "win32":
        return f'& "{sys.executable}"' if " " in sys.executable else sys.executable
    return shlex.quote(sys.executable)
