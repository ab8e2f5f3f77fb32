"""The whole program with a scripted model, for tests that start and kill it.

`python -m tests.faults.host ARGS` takes the arguments of `python -m bot`.
SCRIPT holds the answers, one a line; DELAY the seconds before each of their words; FAILURE what loading says.
"""

import os
import sys

from bot.__main__ import main
from bot.config import Config
from bot.errors import UserError
from tests.fakes.model import ScriptedEngine


def open_engine(settings: Config) -> ScriptedEngine:
    script = os.environ.get("SCRIPT", "").split("\n") if os.environ.get("SCRIPT") else []
    engine = ScriptedEngine(*script, delay=float(os.environ.get("DELAY", "0")))
    engine.failure = UserError(os.environ["FAILURE"]) if "FAILURE" in os.environ else None
    return engine


if __name__ == "__main__":
    main(sys.argv[1:], open_engine)
