"""`kill -9` and SIGTERM while people write to the bot on Discord: no message is lost, cut or seen twice.

The long form is a command: `python -m tests.faults.campaign`.
"""

import random

from tests.faults.campaign import NAMED, Outcome, campaign

KILLS, POINTS, ENDS = 12, 3, 3


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


async def test_kills_on_discord_lose_no_message_and_repeat_none() -> None:
    found = await outcome("discord")
    assert (found.in_window > 0, found.twice) == (True, [])
