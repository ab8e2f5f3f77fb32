"""A minute of bad weather on both platforms at once: all is answered once, in order, whatever goes wrong.

The long form is a command: `python -m tests.faults.soak`.
"""

import asyncio
import random

import pytest

from tests.faults.soak import Report, soak

MINUTES = 1.0
PLATFORMS = pytest.mark.parametrize("platform", ["Discord", "Telegram"])


@pytest.fixture(scope="module")
def report() -> Report:
    seed = random.randrange(10**6)
    found = asyncio.run(soak(MINUTES, seed))
    print(f"seed {seed}", *found.rows, sep="\n")  # noqa: T201
    return found


@PLATFORMS
def test_nothing_that_people_say_is_lost(report: Report, platform: str) -> None:
    assert report.outcomes[platform].said > 0
    assert report.outcomes[platform].lost == []


@PLATFORMS
def test_everything_is_answered_in_the_order_of_its_place(report: Report, platform: str) -> None:
    assert report.outcomes[platform].disorder == 0


@PLATFORMS
def test_no_answer_breaks_off(report: Report, platform: str) -> None:
    assert report.outcomes[platform].unfinished == []


def test_nothing_is_seen_twice_on_discord(report: Report) -> None:
    assert report.outcomes["Discord"].repeated == []


def test_telegram_repeats_at_most_what_was_done_and_answered_otherwise(report: Report) -> None:
    found = report.outcomes["Telegram"]
    assert len(found.repeated) <= found.ambiguous


def test_there_was_trouble_of_many_kinds(report: Report) -> None:
    assert len(report.struck) > 20


def test_no_turn_is_stored_by_half(report: Report) -> None:
    assert report.half == []


def test_it_ends_when_it_is_asked_to(report: Report) -> None:
    assert report.code == 0


def test_no_token_is_in_a_file_and_no_word_in_the_log(report: Report) -> None:
    assert report.leaked == []
