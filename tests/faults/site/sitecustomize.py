"""Python imports this before anything else in a process whose PYTHONPATH names this folder.

It puts the scripted model in the place of the real one, `bot.engine.local.local_engine.LocalEngine`.
Everything else of the program that then starts is the program's own.
"""

import sys
from pathlib import Path
from types import ModuleType

sys.path.append(str(Path(__file__).parents[3]))  # behind the installed package: for `tests` alone

from tests.faults.scripted import open_engine

model = ModuleType("bot.engine.local.local_engine")
model.LocalEngine = open_engine  # type: ignore[attr-defined]
sys.modules[model.__name__] = model
