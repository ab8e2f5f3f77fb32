"""The engine against everything else on this machine: `python -m tests.benchmarks.engine [LINE ...]`.

    --quick     fewer tokens and repeats: a look in four minutes, where the whole takes nine
    --profile   the time of a decoding step by part, instead of the table
    LINE        of peft, sequential, mixed, rows, single, follow, arrival, memory, lag; without any: all

The default model, SmolLM2-135M, prompts of 200 tokens, adapters of rank 16 on all seven linear layers of a
block, greedy. Every comparison runs in one process, its sides in turns, and the medians are compared.
Rates are of decoding, from the moment when all rows have a token to the first row's end, unless said.
Converted models and drawn adapters are kept in the folder that ALTEREGO_DATA names, else made each time.

Never run: on CUDA (nf4 of bitsandbytes there, CUDA graphs), on more than two cores, with a
model over 135M, on several devices. Other programs on the machine move the absolute figures, and the ratios
less.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter

from bot.engine.runtime.environment import prepare_environment
from tests.benchmarks.machine import Machine, Others
from tests.benchmarks.report import Figure, Run

PARTS = {  # what is measured in a process of its own, and the lines that it gives
    "peft": ("peft", "sequential"),
    "batches": ("mixed", "rows"),
    "nf4": ("single",),
    "bf16": ("single",),
    "fp32": ("single",),
    "int8": ("single",),
    "waits": ("follow", "arrival", "lag"),
    "memory": ("memory",),
}
LINES = tuple(dict.fromkeys(line for lines in PARTS.values() for line in lines))
_FOR_INFORMATION = ("bf16", "fp32", "int8")  # precisions without a bar, left out of a quick look


async def figures(part: str, run: Run, wanted: Sequence[str]) -> list[Figure]:
    """Measure a part, in this process."""
    from tests.benchmarks import known, latency, throughput

    if part == "peft":
        return await throughput.against_peft(run, wanted)
    if part == "batches":
        return await throughput.batches(run, wanted)
    if part == "waits":
        return await latency.waits(run, wanted)
    if part == "memory":
        return await known.unused(run)
    return await throughput.single(run, part)


def measured(part: str, run: Run, wanted: Sequence[str]) -> list[Figure]:
    """Measure a part in a process of its own."""
    order = {"part": part, "wanted": list(wanted), "data": str(run.data), "quick": run.quick}
    order["machine"] = asdict(run.machine)
    command = [sys.executable, "-m", "tests.benchmarks.engine", "--part", json.dumps(order)]
    others = Others()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    print(f"({others.seconds:.0f} s, in which other programs took {others.share:.0%} of all cores)")
    if done.returncode:
        return [Figure(f"{part}: FAILED, see above", float("nan"), f"exit code {done.returncode}")]
    return [Figure(**found) for found in json.loads(done.stdout.splitlines()[-1])]


def obey(order: str) -> None:
    """Measure what another process ordered; the figures are the last line of the output."""
    read = json.loads(order)
    run = Run(Path(read["data"]), Machine(**read["machine"]), read["quick"])
    found = asyncio.run(figures(read["part"], run, read["wanted"]))
    print(json.dumps([asdict(figure) for figure in found]), flush=True)


def table(run: Run, wanted: Sequence[str]) -> None:
    """Every line, as soon as it is there."""
    print(f"\n{'':<58} {'bar':>12} {'measured':>8}")
    for part, lines in PARTS.items():
        asked = [line for line in lines if line in wanted]
        if asked and not (run.quick and part in _FOR_INFORMATION):
            for figure in measured(part, run, asked):
                print(figure.show(), flush=True)


def main(arguments: argparse.Namespace, data: Path) -> None:
    """The machine, then the table or the profile."""
    from tests.benchmarks import machine, profile
    from tests.benchmarks.drawn import adapters

    began = perf_counter()
    run = Run(data, machine.measure(), arguments.quick)
    print(machine.describe(run.machine), flush=True)
    adapters(data, 1)  # the default model is converted by now
    if arguments.profile:
        asyncio.run(profile.show(run, arguments.precision))
    else:
        table(run, arguments.lines or LINES)
    print(f"\n{perf_counter() - began:.0f} s in all")


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", nargs="*", choices=[*LINES, []], metavar="LINE")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--precision", default="auto", help="of the profile")
    return parser.parse_args()


if __name__ == "__main__":
    prepare_environment()
    if sys.argv[1:2] == ["--part"]:
        obey(sys.argv[2])
    elif "ALTEREGO_DATA" in os.environ:
        main(parsed(), Path(os.environ["ALTEREGO_DATA"]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(parsed(), Path(folder))
