"""What a person at the terminal waits for, with the installed command and the real default model.

`python -m tests.benchmarks.program [PRECISION ...]` runs it in processes and with data of its own.
Never run on a machine with more than two cores, or on a GPU.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pexpect

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("alterego"))
ROUNDS = 5


def environment(data: Path) -> dict[str, str]:
    return {**os.environ, "ALTEREGO_DATA": str(data), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}


def settings(folder: Path, precision: str) -> Path:
    """Settings with this precision, and others with a persona whose answers have 3,000 tokens."""
    (folder / "personas").symlink_to(ROOT / "personas")
    talker = folder / "talkers/talker"
    talker.mkdir(parents=True)
    (talker / "card.json").write_text('{"name": "Talker", "description": "Talks without end."}')
    (talker / "persona.toml").write_text("[sampling]\nmin_tokens = 3000\nmax_tokens = 3000\n")
    for name, personas in (("config.toml", "personas"), ("talk.toml", "talkers")):
        (folder / name).write_text(f'[model]\nprecision = "{precision}"\n[paths]\npersonas = "{personas}"\n')
    return folder / "config.toml"


def say(config: Path, data: Path) -> tuple[float, float]:
    """Seconds from process start to the first reply, and the peak memory of the process in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    began = time.perf_counter()
    arguments = [COMMAND, "--config", str(config), "chat", "--persona", "mara", "--say", "Good evening."]
    process = subprocess.Popen(
        arguments, env=environment(data), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    process.stdout.readline()
    seconds = time.perf_counter() - began
    process.stdout.read()
    process.wait()
    assert process.returncode == 0
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return seconds, max(peak, before) / 1e3


def prompt(config: Path, data: Path) -> float:
    """Seconds from process start until a line can be typed; the model loads meanwhile."""
    began = time.perf_counter()
    child = pexpect.spawn(COMMAND, ["--config", str(config)], env=environment(data), encoding="utf-8")
    child.expect("User.*\x1b")
    seconds = time.perf_counter() - began
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    return seconds


def leave(config: Path, data: Path) -> float:
    """Seconds from the second Ctrl-C in the middle of a 3,000-token answer to the end of the process."""
    child = pexpect.spawn(
        COMMAND, ["--config", str(config.with_name("talk.toml"))], env=environment(data), encoding="utf-8"
    )
    child.expect("User.*\x1b", timeout=60)
    child.send("Talk.\r")
    child.expect(r"Talker(.*\w+ ){8}", timeout=120)
    child.sendintr()
    time.sleep(0.1)  # two signals at one instant would be one
    began = time.perf_counter()
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    return time.perf_counter() - began


def measure(precision: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config, data = settings(Path(folder), precision), Path(folder) / "data"
        first, first_peak = say(config, data)
        print(f"{precision:<5} {'first reply of all':<40} {first:8.2f} s {first_peak:7.0f} MB at most")
        again = [say(config, data)[0] for _ in range(ROUNDS)]
        print(f"{precision:<5} {'first reply, later starts':<40} {statistics.median(again):8.2f} s")
        for name, seconds in (("start to prompt", prompt), ("leaving a 3,000-token answer", leave)):
            median = statistics.median(seconds(config, data) for _ in range(ROUNDS))
            print(f"{precision:<5} {name:<40} {median:8.2f} s")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ["nf4", "bf16"]:
        measure(wanted)
