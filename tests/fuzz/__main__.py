"""Fuzz every target for some minutes: `python -m tests.fuzz --minutes 10`, or `--target card`.

An input that breaks a target is shrunk, kept in `findings/` under the target's name and its hash, and tried
by `test_fuzz.py` from then on. A target that takes more than ten seconds for an input is a finding, too.
"""

import argparse
import faulthandler
import hashlib
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.mutations import damaged
from tests.fuzz.targets import FINDINGS, TARGETS, Target

_INPUT_SECONDS = 10
_EXAMPLES, _SLOW_EXAMPLES = 200, 5  # of one round of a target


class TooSlow(Exception):
    """An input took more than `_INPUT_SECONDS`."""


@contextmanager
def _deadline(seconds: int) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def fuzz(name: str, target: Target, start: int) -> str:
    """Try one round of inputs; return the name of the finding that was kept, or ""."""
    worst = b""

    @seed(start)
    @settings(
        max_examples=_SLOW_EXAMPLES if target.slow else _EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate] if target.slow else [Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(list(target.seeds())))
    def round_(data: bytes) -> None:
        nonlocal worst
        try:
            with _deadline(60 if target.slow else _INPUT_SECONDS):
                target.check(data)
        except Exception:
            worst = data
            raise

    try:
        round_()
    except Exception:  # whatever it is, it is a finding
        traceback.print_exc(limit=-4)
        return keep(name, worst)
    return ""


def keep(name: str, data: bytes) -> str:
    """Write an input among the findings, unless it is there."""
    file = FINDINGS / name / hashlib.sha256(data).hexdigest()[:12]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return f"{file.parent.name}/{file.name}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--seed", type=int, help="repeat a run")
    options = parser.parse_args()
    faulthandler.enable()
    start = options.seed if options.seed is not None else random.randrange(1 << 32)
    print(f"seed {start}", flush=True)
    end, found, rounds = time.monotonic() + 60 * options.minutes, dict[str, str](), 0
    while time.monotonic() < end:
        for name in options.target or TARGETS:
            if name not in found and time.monotonic() < end:
                if kept := fuzz(name, TARGETS[name], start + rounds):
                    found[name] = kept
                    print(f"FOUND {kept}", flush=True)
                rounds += 1
    print(f"{rounds} rounds, {len(found)} findings: {', '.join(found.values()) or 'none'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
