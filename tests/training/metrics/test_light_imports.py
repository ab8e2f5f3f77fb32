"""The command line loads statistics and model libraries only where a command needs them."""

import subprocess
import sys

from tests.paths import ROOT

HEAVY = {"scipy", "sklearn", "torch", "transformers", "peft", "accelerate", "bitsandbytes", "safetensors"}


def test_parsing_the_command_line_loads_neither_statistics_nor_model_libraries() -> None:
    code = "import sys, training.__main__; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
