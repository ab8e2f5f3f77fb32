"""`kill -9` and SIGTERM while people talk to the bot on Discord: nothing is lost, said by half or seen twice.

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
    assert len(found.codes) > ENDS
    assert set(found.codes) == {0}
    assert found.said > found.deaths.total()
    assert (found.lost, found.unfinished, found.half) == ([], [], [])
    return found


async def test_killed_on_discord_it_loses_nothing_and_nobody_sees_anything_twice() -> None:
    found = await outcome("discord")
    assert (found.in_window > 0, found.twice) == (True, [])
