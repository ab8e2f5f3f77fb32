"""The device guard that a CPU build of torch lacks for CUDA, compiled once by g++ for all test processes."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import torch

COMPILER = shutil.which("g++")
_SOURCE = Path(__file__).with_name("guard.cpp")


@cache
def register_guard() -> None:
    """Let this process make tensors on "cuda"; does nothing for a build of torch that knows CUDA."""
    if torch.version.cuda is None:
        ctypes.CDLL(str(_library()))


def _library() -> Path:
    content = _SOURCE.read_bytes() + torch.__version__.encode()
    name = f"card-guard-{hashlib.sha256(content).hexdigest()[:16]}.so"
    path = Path(tempfile.gettempdir()) / name
    if not path.exists():
        home = Path(torch.__file__).parent
        made = path.with_suffix(f".{os.getpid()}")
        libraries = [f"-L{home}/lib", "-lc10", f"-Wl,-rpath,{home}/lib"]
        command = [
            "g++",
            "-std=c++20",
            "-shared",
            "-fPIC",
            f"-I{home}/include",
            str(_SOURCE),
            "-o",
            str(made),
        ]
        subprocess.run([*command, *libraries], check=True)
        made.replace(path)
    return path
