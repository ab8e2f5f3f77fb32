"""The installed command `alterego`, with nothing but the model scripted.

What runs is the console script beside this interpreter, in a process of its own: its entry point, its
arguments, settings, wiring, memory, platforms and signals are the real ones. `site/sitecustomize.py` gives
it the model of `scripted.py`, which can also be told to kill the process at a named point.
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
    """What a process of the command is started with; `told` is what `scripted.py` reads, and more."""
    site = str(Path(__file__).parent / "site")
    return {**os.environ, "PYTHONPATH": site, "ALTEREGO_DATA": str(data), **told}


@cache
def house() -> Path:
    """A folder to start it in: the repository's settings and personas, without the adapters.

    Those fit the default base model, and the scripted one has other tokens.
    """
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copy(ROOT / "config.toml", folder)
    for card in (ROOT / "personas").glob("*/card.*"):
        (target := folder / "personas" / card.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(card, target)
        shutil.copy(card.with_name("persona.toml"), target)
    return folder
