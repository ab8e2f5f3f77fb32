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


def prepare_environment() -> None:
    """Set the environment for the model libraries; call it before importing them.

    bitsandbytes (0.50) and transformers (5.24) fetch compiled kernels from a hub when the package `kernels`
    is installed. This process hides the package: a name that maps to None in `sys.modules` can be neither
    imported nor found.
    """
    os.environ.update(_SETTINGS)
    sys.modules["kernels"] = None  # type: ignore[assignment]
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
