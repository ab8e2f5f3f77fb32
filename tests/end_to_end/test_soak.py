"""One minute of faults on both platforms at once: every message is answered once and in order.

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
def test_no_message_is_lost(report: Report, platform: str) -> None:
    assert report.outcomes[platform].said > 0
    assert report.outcomes[platform].lost == []


@PLATFORMS
def test_messages_of_a_place_are_answered_in_order(report: Report, platform: str) -> None:
    assert report.outcomes[platform].disorder == 0


@PLATFORMS
def test_no_reply_breaks_off(report: Report, platform: str) -> None:
    assert report.outcomes[platform].unfinished == []


def test_discord_shows_no_reply_twice(report: Report) -> None:
    assert report.outcomes["Discord"].repeated == []


def test_telegram_repeats_only_sends_that_took_effect_and_reported_failure(report: Report) -> None:
    found = report.outcomes["Telegram"]
    assert len(found.repeated) <= found.ambiguous


def test_more_than_twenty_kinds_of_faults_occurred(report: Report) -> None:
    assert len(report.struck) > 20


def test_no_turn_is_stored_by_half(report: Report) -> None:
    assert report.half == []


def test_sigterm_ends_the_process_with_0(report: Report) -> None:
    assert report.code == 0


def test_no_token_is_in_a_file_and_no_word_in_the_log(report: Report) -> None:
    assert report.leaked == []
