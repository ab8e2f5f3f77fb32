"""`kill -9` and SIGTERM while people talk to the bot on a platform: nothing is lost or said by half.

The long form is a command: `python -m tests.faults.campaign`.
"""

import random

from tests.faults.campaign import NAMED, Outcome, campaign

KILLS, POINTS, ENDS = 20, 5, 4


async def outcome(platform: str) -> Outcome:
    seed = random.randrange(10**6)
    found = await campaign(platform, KILLS, POINTS, ENDS, seed)
    print(platform, "seed", seed, found.row)  # noqa: T201
    assert found.deaths.total() == KILLS + POINTS * len(NAMED)
    assert all(found.deaths[point] for point in NAMED)
    assert found.codes == [0] * (ENDS + 1)
    assert found.said > found.deaths.total()
    assert (found.lost, found.unfinished, found.half) == ([], [], [])
    return found


async def test_killed_on_discord_it_loses_nothing_and_nobody_sees_anything_twice() -> None:
    found = await outcome("discord")
    assert (found.in_window > 0, found.twice) == (True, [])


async def test_killed_on_telegram_it_loses_nothing_and_repeats_at_most_what_was_in_the_send_window() -> None:
    found = await outcome("telegram")
    assert found.in_window > 0
    assert len(found.twice) <= found.in_window
