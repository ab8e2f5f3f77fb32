"""One hostile evening on one platform, and what people saw of it."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tests.evening.generated import NAMES, generated
from tests.evening.moments import DISCORD, TELEGRAM
from tests.fixtures.discord_bot import DiscordStage
from tests.fixtures.telegram_bot import Bot

GROUPS, DIRECT = 5, 5  # places of each kind
# marks that a model writes and Telegram shows as formats; those that people typed by hand are left out
_RAW = re.compile(r"\*\*bold\*\*|\*slanted\*|`code|```py|\[page\]\(")
_LABEL = re.compile(
    r"^(?:Anna|Mara(?: Quill)?|\[?Bo\]?|\*{0,2}Cy\*{0,2}|In reply to) ?(?:\(\d+\))?:", re.MULTILINE
)
_QUOTE = re.compile(r"^\[(?:In reply to|Forwarded)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Evening:
    """Counts of an evening, and examples of what should not have been seen."""

    messages: int
    lost: int
    answers: int
    raw_marks: tuple[str, ...]
    foreign: tuple[str, ...]
    pings: tuple[str, ...]
    blank: int


def judge(messages: int, lost: int, texts: Sequence[str], pings: Sequence[str], *, marks: bool) -> Evening:
    """Return what people saw; with `marks`, the platform reads Markdown itself."""
    raw = () if marks else tuple(text for text in texts if _RAW.search(text))
    foreign = tuple(text for text in texts if _LABEL.search(text) or _QUOTE.search(text))
    blank = sum(not text.strip("\u200b\u2800\u2060 \n") for text in texts)
    return Evening(messages, lost, len(texts), raw, foreign, tuple(pings), blank)


async def on_telegram(bot: Bot, seed: int, count: int) -> Evening:
    """Let messages come as fast as they can, and wait for the last answer."""
    fake, random = bot.fake, Random(seed)
    people = {name: fake.user(name, f"user_{number}") for number, name in enumerate(NAMES)}
    bo = fake.user("Bo")
    groups = [fake.supergroup(f"Harbour {number}", *people.values(), bo) for number in range(GROUPS)]
    for name, moment in generated(TELEGRAM, random, count):
        chat = fake.private(people[name]) if moment.direct else random.choice(groups)
        to = fake.say(chat, bo, moment.to) if moment.to else None
        text = moment.text if moment.direct else f"@lamp_bot {moment.text}"
        fake.say(chat, people[name], text, reply_to=to, **moment.more)
        await asyncio.sleep(0.002)
    await fake.until(lambda: not fake.updates.pending, seconds=120)
    await bot.quiet()
    chats = [*groups, *(fake.private(person) for person in people.values())]
    sent = [message for chat in chats for message in fake.sent(chat)]
    status = await bot.memory.status()
    lost = status.inbox.get("accepted", 0) + status.unsent
    pings = [message.text for message in sent if message.pings]
    return judge(count, lost, [message.text for message in sent], pings, marks=False)


async def on_discord(stage: DiscordStage, seed: int, count: int) -> Evening:
    """Let messages come as fast as they can, and wait for the last answer."""
    fake, random = stage.fake, Random(seed)
    people = {name: fake.user(f"user{number}", display=name) for number, name in enumerate(NAMES)}
    for person in people.values():
        fake.join(stage.guild, person)
    channels = [fake.channel(stage.guild, f"pier{number}") for number in range(GROUPS)]
    for name, moment in generated(DISCORD, random, count):
        channel = fake.dm(people[name]) if moment.direct else random.choice(channels)
        to = fake.say(channel, stage.bo, moment.to) if moment.to else None
        text = moment.text.replace("{me}", fake.bot.mention)
        text = text if moment.direct else f"{fake.bot.mention} {text}"
        mentions = [] if moment.direct else [fake.bot]
        fake.say(channel, people[name], text, mentions=mentions, reply_to=to, more=moment.more)
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.5)
    await fake.until(lambda: stage._is_idle(), seconds=120)
    sent = [message for message in fake.messages if message.author == fake.bot or message.webhook]
    status = await stage.memory.status()
    lost = status.inbox.get("accepted", 0) + status.unsent
    pings = [message.content for message in sent if message.pings]
    return judge(count, lost, [message.content for message in sent], pings, marks=True)
