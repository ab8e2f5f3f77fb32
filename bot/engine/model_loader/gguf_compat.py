"""Parts of gguf that are patched while transformers converts a file: gguf 0.19, transformers 5.24.

`tests/bot/engine/model_loader/test_compat.py` fails when an upgrade changes one of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import gguf

PATCHED = ("GGUFReader", "get_tensor_name_map")  # transformers imports them anew in every function that reads


@contextmanager
def cached_reads() -> Iterator[None]:
    """Cache what transformers asks of a GGUF file, for as long as the context lasts.

    transformers reads the file three times, and makes the map of tensor names anew for each tensor; with the
    cache the default model's conversion takes 8 seconds instead of 18.
    """
    originals = {name: getattr(gguf, name) for name in PATCHED}
    for name, function in originals.items():
        setattr(gguf, name, lru_cache(maxsize=2)(function))
    try:
        yield
    finally:
        for name, function in originals.items():
            setattr(gguf, name, function)
