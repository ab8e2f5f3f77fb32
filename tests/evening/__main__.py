"""The hostile evening in full: `python -m tests.evening --messages 500`; a line for each platform."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from random import Random

from tests.evening.discord_evening import on_discord
from tests.evening.evening import Evening
from tests.evening.repeating import RepeatingEngine
from tests.evening.telegram_evening import on_telegram
from tests.fakes.telegram_server import TelegramServer
from tests.fixtures.discord_bot import staged
from tests.fixtures.telegram_bot import Bot


async def discord(seed: int, count: int) -> Evening:
    with tempfile.TemporaryDirectory() as folder:
        async with staged(Path(folder)) as stage:
            stage.engine = RepeatingEngine(Random(seed))
            await stage.start()
            return await on_discord(stage, seed, count)


async def telegram(seed: int, count: int) -> Evening:
    with tempfile.TemporaryDirectory() as folder:
        async with TelegramServer() as fake:
            fake.updates.longest = 1.0
            bot = Bot(fake, Path(folder))
            bot.engine = RepeatingEngine(Random(seed))
            await bot.start()
            try:
                return await on_telegram(bot, seed, count)
            finally:
                await bot.stop()


def main() -> int:
    """Run both evenings; return 1 where anything was lost, or seen that should not have been."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=500, help="on each platform")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    evenings = {
        name: asyncio.run(run(given.seed, given.messages))
        for name, run in {"Discord": discord, "Telegram": telegram}.items()
    }
    for name, evening in evenings.items():
        print(
            f"{name}: {evening.messages} messages, {evening.answers} sent, {evening.lost} lost, "
            f"{len(evening.raw_marks)} raw marks, {len(evening.foreign)} foreign, "
            f"{len(evening.pings)} pings, {evening.blank} blank"
        )
        for text in (*evening.raw_marks, *evening.foreign, *evening.pings)[:10]:
            print(f"  {text!r}")
    return int(any(e.lost or e.raw_marks or e.foreign or e.pings or e.blank for e in evenings.values()))


if __name__ == "__main__":
    sys.exit(main())
