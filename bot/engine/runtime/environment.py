"""Process environment for the model libraries: no telemetry, no code from a hub, quiet, huge pages."""

import logging
import os
import sys

_SETTINGS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
    "USE_HUB_KERNELS": "NO",
    # Caches of kernels by shape of a bfloat16 product: every training step has new shapes, oneDNN keeps a
    # thousand kernels by default and torch as many of its own, some 3 GB. A training step takes as long with
    # 64 and one; with 16 a seventh longer.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "LRU_CACHE_CAPACITY": "1",
    "THP_MEM_ALLOC_ENABLE": "1",  # large tensors in huge pages: a training step is 7% faster, in less memory
}

# Settings of torch's memory on a card, the first of which counts where several are set (torch 2.13).
_ALLOCATOR_NAMES = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_HIP_ALLOC_CONF")


def prepare_environment() -> None:
    """Set the environment for the model libraries; call it before importing them.

    bitsandbytes (0.50) and transformers (5.24) fetch compiled kernels from a hub when the package `kernels`
    is installed. This process hides the package: a name that maps to None in `sys.modules` can be neither
    imported nor found.
    """
    os.environ.update(_SETTINGS)
    _grow_card_memory()
    sys.modules["kernels"] = None  # type: ignore[assignment]
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def _grow_card_memory() -> None:
    """Let torch's blocks of a card's memory grow, so that tensors of new sizes leave no holes between them.

    Every training step and every prompt has new sizes. Windows has no such blocks; what the person set
    stays. torch reads this once, at its first use of a card.
    """
    if sys.platform.startswith("linux") and not any(name in os.environ for name in _ALLOCATOR_NAMES):
        os.environ[_ALLOCATOR_NAMES[0]] = "expandable_segments:True"
