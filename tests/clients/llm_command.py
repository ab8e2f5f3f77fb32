"""The command `llm`, unmodified: it streams an answer of a persona, and goes on with the conversation.

`python -m tests.clients.llm_command PROGRAM`: PROGRAM is the `llm` of an environment of its own.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

from tests.clients.served import serve_personas

MODELS = "- model_id: mara\n  model_name: mara\n  api_base: {api}\n  api_key_name: none\n"


def run(program: Path, folder: Path, *words: str) -> str:
    environment = {**os.environ, "LLM_USER_PATH": str(folder)}
    command = (str(program.absolute()), *words)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("program", type=Path)
    program = options.parse_args().program
    with tempfile.TemporaryDirectory() as place, serve_personas(Path(place)) as api:
        own = Path(place) / "llm"
        own.mkdir()
        (own / "extra-openai-models.yaml").write_text(MODELS.format(api=api), "utf-8")
        (own / "keys.json").write_text('{"none": "none"}', "utf-8")
        print("answer:", run(program, own, "-m", "mara", "Good evening. Who are you?"))
        print("another:", run(program, own, "-c", "And the weather?"))
        print("usage:", run(program, own, "logs", "-n", "1", "--usage", "--short"))


if __name__ == "__main__":
    main()
