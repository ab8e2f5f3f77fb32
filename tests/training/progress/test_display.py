"""Stages on a terminal and in a file, with a clock of the test's own."""

import io
import subprocess
import sys
from itertools import pairwise

import pytest

from tests.paths import ROOT
from training.progress.display import FILE_INTERVAL, PATIENCE, ProgressDisplay
from training.progress.estimate import TimeRange
from training.progress.stage import Stage


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_stage_that_cannot_be_counted_tells_its_time(clock: Clock) -> None:
    stage = Stage("loading the base model", clock)
    clock.now += 72
    assert stage.line() == "loading the base model: 1:12"
    stage.describe("fetching: 1 of 9 MB")
    assert stage.line() == "loading the base model: 1:12, fetching: 1 of 9 MB"


def test_a_stage_that_counts_has_a_bar_and_the_time_left(clock: Clock) -> None:
    stage = Stage("reading", clock, 200, "MB")
    for _ in range(10):
        clock.now += 2
        stage.advance(10)
    bar = "█" * 12 + "░" * 12
    assert stage.line() == f"reading: {bar} 100 of 200 MB, 0:20, 19 to 21 s left"


def test_time_left_that_somebody_else_counted_is_shown(clock: Clock) -> None:
    stage = Stage("training", clock, 40, "steps")
    stage.show(10, TimeRange(30, 40), "loss 2.1")
    assert stage.line() == f"training: {'█' * 6 + '░' * 18} 10 of 40 steps, 0:00, 30 to 40 s left, loss 2.1"


def test_a_terminal_has_one_line_from_the_start_that_is_written_over_and_cleared(clock: Clock) -> None:
    terminal = Terminal()
    display = ProgressDisplay(terminal, clock)
    with display.stage("a long stage"):
        display.tick()
        display.say("a line that stays")
        clock.now += 1
    assert terminal.getvalue().split("\r") == [
        "",
        "a long stage: 0:00",
        "a long stage: 0:00",
        " " * 18,
        "a line that stays\n",
        "a long stage: 0:00",
        " " * 18,
        "",
    ]


def test_a_line_is_cut_to_the_terminal_also_with_wide_letters(clock: Clock) -> None:
    terminal = Terminal()
    display = ProgressDisplay(terminal, clock)
    with display.stage("长" * 100):
        assert terminal.getvalue().rstrip() == "\r" + "长" * 39


def test_a_file_gets_a_line_of_a_stage_that_takes_long_and_then_slower_ones(clock: Clock) -> None:
    file = io.StringIO()
    display = ProgressDisplay(file, clock)
    with display.stage("short"):
        clock.now += PATIENCE / 2
        display.tick()
    with display.stage("long"):
        for _ in range(40):
            clock.now += 1
            display.tick()
    told = [int(line.rpartition(":")[2]) for line in file.getvalue().splitlines()]
    assert file.getvalue().startswith("long: 0:01\n")
    assert [after - before for before, after in pairwise(told)] == [FILE_INTERVAL] * 2


def test_the_innermost_stage_is_shown(clock: Clock) -> None:
    file = io.StringIO()
    display = ProgressDisplay(file, clock)
    with display.stage("outer"), display.stage("inner"):
        clock.now += 2
        display.tick()
    assert file.getvalue() == "inner: 0:02\n"


def test_characters_that_a_terminal_would_obey_are_shown(clock: Clock) -> None:
    file = io.StringIO()
    display = ProgressDisplay(file, clock)
    with display.stage("a\x1b[31mb"):
        clock.now += 2
        display.tick()
    assert file.getvalue() == "a␛[31mb: 0:02\n"


def test_a_stream_that_is_full_or_closed_does_not_end_the_work(clock: Clock) -> None:
    file = io.StringIO()
    with ProgressDisplay(file, clock) as display, display.stage("long"):
        file.close()
        display.say("lost")
        clock.now += 5
        display.tick()


def test_stages_are_shown_from_a_thread_while_the_work_holds_on() -> None:
    code = (
        "import sys, time; from training.progress.display import open_display\n"
        "with open_display() as display, display.stage('long'): time.sleep(2.2)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.startswith("long: 0:0")


def test_only_the_first_of_several_processes_shows_its_progress() -> None:
    code = "from training.progress.display import open_display; open_display().say('here')"
    told = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={"RANK": rank}, capture_output=True, check=True
        ).stderr
        for rank in ("0", "1")
    ]
    assert told == [b"here\n", b""]


def test_bars_of_other_libraries_never_show() -> None:
    """transformers, huggingface_hub, datasets and gguf draw theirs with tqdm."""
    code = (
        "from training.__main__ import main\n"
        "main(['build', '--persona', 'nobody'])\n"
        "import tqdm, tqdm.auto, huggingface_hub.utils as hub\n"
        "for bar in (tqdm.tqdm, tqdm.auto.tqdm, hub.tqdm): list(bar(range(3), desc='Converting'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Converting" not in done.stdout + done.stderr
    assert done.stderr.startswith("training: There is no persona 'nobody'")
