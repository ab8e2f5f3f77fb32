"""The installed command `alterego`, with nothing but the model scripted.

The console script beside this interpreter runs in a process of its own: its entry point, arguments,
settings, wiring, memory, platforms and signals are the real ones. `site/sitecustomize.py` gives it the model
of `scripted.py`, which can also kill the process at a named point.
"""

import atexit
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("alterego"))


def environment(data: Path, **told: str) -> dict[str, str]:
    """Return the environment of a process of the command; `told` adds variables, as of `scripted.py`."""
    site = str(Path(__file__).parent / "site")
    return {**os.environ, "PYTHONPATH": site, "ALTEREGO_DATA": str(data), **told}


@cache
def house() -> Path:
    """Return a folder to start the command in: the repository's settings and personas, without adapters.

    The adapters fit the default base model, and the scripted model has other tokens.
    """
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copy(ROOT / "config.toml", folder)
    for card in (ROOT / "personas").glob("*/card.*"):
        (target := folder / "personas" / card.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(card, target)
        shutil.copy(card.with_name("persona.toml"), target)
    return folder
