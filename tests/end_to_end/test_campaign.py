"""`kill -9` and SIGTERM while people write to the bot on Discord: no message is lost, cut or seen twice.

Each named moment comes twice, and three times with `--slow`. The long form is a command:
`python -m tests.faults.campaign`.
"""

import random

import pytest

from tests.faults.campaign import NAMED, Outcome, campaign

Size = tuple[int, int, int]  # kills at random, kills at each named moment, and SIGTERMs
SIZES = pytest.mark.parametrize(
    "size", [(4, 2, 2), pytest.param((12, 3, 3), marks=pytest.mark.slow)], ids=str
)


async def outcome(platform: str, size: Size) -> Outcome:
    seed, (kills, points, ends) = random.randrange(10**6), size
    found = await campaign(platform, kills, points, ends, seed)
    print(platform, "seed", seed, found.row)  # noqa: T201
    assert found.deaths.total() == kills + points * len(NAMED)
    assert all(found.deaths[point] for point in NAMED)
    assert len(found.codes) > ends
    assert set(found.codes) == {0}
    assert found.said > found.deaths.total()
    assert (found.lost, found.unfinished, found.half) == ([], [], [])
    return found


@SIZES
async def test_kills_on_discord_lose_no_message_and_repeat_none(size: Size) -> None:
    found = await outcome("discord", size)
    assert (found.in_window > 0, found.twice) == (True, [])
