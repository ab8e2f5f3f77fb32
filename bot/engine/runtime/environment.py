"""What must hold before a model library is imported: no telemetry, no code from a hub, quiet, huge pages."""

import logging
import os
import sys

_SETTINGS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
    "USE_HUB_KERNELS": "NO",
    # Kernels for shapes of products in bfloat16, of which every step of training has new ones: oneDNN keeps a
    # thousand by default and torch as many of its own, some 3 GB. A step is no slower with 64 and one; with
    # 16 it is, by a seventh.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
    "LRU_CACHE_CAPACITY": "1",
    "THP_MEM_ALLOC_ENABLE": "1",  # large tensors in huge pages: 7% off a step of training, and less memory
}


def prepare_environment() -> None:
    """Make this process safe and quiet for the model libraries; call it before importing them.

    bitsandbytes and transformers fetch compiled kernels from a hub when the package `kernels` is installed:
    to this process it is not. A name that maps to None in `sys.modules` can be neither imported nor found.
    """
    os.environ.update(_SETTINGS)
    sys.modules["kernels"] = None  # type: ignore[assignment]
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
