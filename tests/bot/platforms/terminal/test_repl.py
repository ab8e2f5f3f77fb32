"""The terminal as a person meets it: the real program behind a real pseudo-terminal."""

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from tests.faults.command import COMMAND, environment, house

Start = Callable[..., "Screen"]


class Screen:
    """A program in a terminal, its control sequences taken out of what it writes."""

    def __init__(self, data: Path, arguments: list[str], told: dict[str, str]) -> None:
        self.child = pexpect.spawn(
            COMMAND,
            arguments,
            cwd=house(),
            env=environment(data, TERM="xterm", PROMPT_TOOLKIT_NO_CPR="1", **told),
            encoding="utf-8",
            timeout=30,
            dimensions=(50, 100),
        )

    def type(self, line: str) -> None:
        self.child.send(line + "\r")

    def expect(self, text: str) -> None:
        self.child.expect(re.escape(text).replace(r"\ ", r"\s+"))

    def prompt(self) -> None:
        """Wait until it asks for a line."""
        self.child.expect("User.*\x1b")

    def interrupt_until_it_ends(self) -> None:
        """Press Ctrl-C; two that come before the process could take the first are one to the system."""
        for _ in range(10):
            self.child.sendintr()
            if self.child.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=2) == 0:
                return

    def ends(self) -> int | None:
        if self.child.isalive():
            self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    screens: list[Screen] = []

    def run(*arguments: str, **told: str) -> Screen:
        screens.append(Screen(tmp_path / "data", ["chat", "--persona", "mara", *arguments], told))
        return screens[-1]

    yield run
    for screen in screens:
        screen.child.close(force=True)


def test_the_persona_greets_answers_and_remembers(start: Start) -> None:
    screen = start(SCRIPT="Aye, storms.")
    screen.expect("sets a lantern on the table")
    screen.prompt()
    screen.type("I like storms")
    screen.expect("Aye, storms.")
    screen.prompt()
    screen.type("/quit")
    assert screen.ends() == 0

    again = start()
    again.prompt()
    again.type("/why")
    again.expect("rule direct chat; answered")
    again.prompt()
    again.child.sendeof()
    assert again.ends() == 0


def test_sampling_is_changed_while_talking_and_kept(start: Start) -> None:
    screen = start()
    screen.prompt()
    for line, answer in (
        ("/sampling temperature 0.9", "temperature is 0.9 for this chat."),
        ("/sampling num_beams 4", "chats have no beam search"),
        ("/sampling repetition_penalty 2.5", "repetition_penalty is 2.5 for this chat."),
    ):
        screen.type(line)
        screen.expect(answer)
        screen.prompt()
    screen.child.sendeof()
    assert screen.ends() == 0

    again = start()
    again.prompt()
    again.type("/sampling")
    again.expect("temperature 0.9 this chat: 0 takes the likeliest words")
    again.expect("repetition_penalty 2.5 this chat: 1 lets words repeat")
    again.prompt()
    again.type("/sampling reset")
    again.expect("Sampling is as the persona has it for this chat.")
    again.prompt()
    again.child.sendeof()
    assert again.ends() == 0


def test_commands_work_and_mistakes_are_explained(start: Start) -> None:
    screen = start()
    screen.prompt()
    for line, answer in (
        ("/help", "/quit leave"),
        ("/personas", "ozzo Ozzo: The tireless bellhop"),
        ("/dance", "There is no command /dance"),
        ("/persona nobody", "There is no persona 'nobody'"),
        ("/persona reload", "Read again: "),
        ("/persona: “OZZ”", "Welcome to the Hotel Perpetua, esteemed User!"),
        ("/again", "The hotel has moved in the night."),
        ("/status", "model scripted: ready"),
        ("/reset", "The conversation begins anew"),
        ("x" * 16_001, "The message has 16,001 characters"),
    ):
        screen.type(line)
        screen.expect(answer)
        screen.prompt()


def test_the_sentence_about_a_reset_comes_before_the_greeting(start: Start) -> None:
    screen = start()
    screen.expect("sets a lantern on the table")
    screen.prompt()
    screen.type("/reset")
    screen.expect("The conversation begins anew; what was said before is no longer read.")
    screen.expect("sets a lantern on the table")
    screen.prompt()


def test_ctrl_c_stops_an_answer_and_a_second_one_leaves(start: Start) -> None:
    screen = start(SCRIPT="word " * 3000, DELAY="0.01")
    screen.prompt()
    screen.type("talk")
    screen.expect("word word word")
    screen.child.sendintr()
    screen.prompt()
    screen.child.sendintr()
    assert screen.ends() == 0


def test_ctrl_c_at_the_prompt_asks_once(start: Start) -> None:
    screen = start()
    screen.prompt()
    screen.child.sendintr()
    screen.expect("Ctrl-C once more leaves.")
    screen.prompt()
    screen.child.sendintr()
    assert screen.ends() == 0


def test_a_termination_signal_at_the_prompt_ends_the_process(start: Start) -> None:
    screen = start()
    screen.prompt()
    screen.child.kill(signal.SIGTERM)
    assert screen.ends() == 0


@pytest.mark.parametrize("stop", ["signal", "double interrupt"])
def test_leaving_during_a_long_answer_ends_the_process(start: Start, stop: str) -> None:
    screen = start(SCRIPT="word " * 3000, DELAY="0.05")
    screen.prompt()
    screen.type("talk")
    screen.expect("word word")
    if stop == "signal":
        screen.child.kill(signal.SIGTERM)
    else:
        screen.interrupt_until_it_ends()
    assert screen.ends() == 0


def test_an_answer_that_was_cut_off_is_given_at_the_next_start(start: Start) -> None:
    screen = start(SCRIPT="slow " * 1000, DELAY="0.2")
    screen.prompt()
    screen.type("talk")
    screen.expect("slow")
    screen.child.kill(signal.SIGKILL)
    screen.ends()
    again = start(SCRIPT="Here it is.")
    again.expect("Here it is.")


def test_a_model_that_cannot_be_loaded_is_an_error_and_nothing_is_lost(start: Start) -> None:
    screen = start(FAILURE="There is no model at nowhere.")
    screen.prompt()
    screen.type("hello")
    screen.expect("There is no model at nowhere.")
    screen.prompt()
