"""One hostile evening on one platform, and what people saw of it."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tests.evening.generated import NAMES, generated
from tests.evening.moments import DISCORD, TELEGRAM
from tests.evening.repeating import RepeatingEngine
from tests.fakes.telegram.chat import Message
from tests.fixtures.discord_bot import DiscordStage
from tests.fixtures.telegram_bot import Bot

GROUPS, DIRECT = 5, 5  # places of each kind
# marks that a model writes and Telegram shows as formats; those that people typed by hand are left out
_RAW = re.compile(r"\*\*bold\*\*|\*slanted\*|`code|```py|\[page\]\(")
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_OWN = re.compile(r"^(?:\*\*|\[)?Mara(?:\*\*|\])?:", re.MULTILINE)
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


def judge(
    messages: int, lost: int, texts: Sequence[str], pings: Sequence[str], lines: set[str], *, marks: bool
) -> Evening:
    """Return what people saw; with `marks`, the platform reads Markdown itself.

    `lines` are people's lines as prompts had them: none may be seen as a persona's.
    """
    raw = () if marks else tuple(text for text in texts if _RAW.search(text))
    foreign = tuple(text for text in texts if _is_foreign(text.replace("\u2060", ""), lines))
    blank = sum(not text.strip("\u200b\u2800\u2060 \n") for text in texts)
    return Evening(messages, lost, len(texts), raw, foreign, tuple(pings), blank)


def _is_foreign(text: str, lines: set[str]) -> bool:
    """Return whether a text has a line of somebody else, the persona's own label, or a quote of prompts."""
    text = _FENCE.sub("", text)  # code stays as it was written
    has_line = any(line.rstrip() in lines for line in text.splitlines())
    return has_line or bool(_OWN.search(text) or _QUOTE.search(text))


async def on_telegram(bot: Bot, seed: int, count: int) -> Evening:
    """Let messages come as fast as they can, and wait for the last answer."""
    fake, random = bot.fake, Random(seed)
    assert isinstance(bot.engine, RepeatingEngine)
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
    texts = [fenced(message) for message in sent]
    return judge(count, lost, texts, pings, bot.engine.lines, marks=False)


def fenced(message: Message) -> str:
    """Return the text of a message with fences around its blocks of code."""
    text = message.text.encode("utf-16-le")
    for entity in reversed(message.entities):
        if entity["type"] == "pre":
            start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
            marks = "```".encode("utf-16-le")
            text = text[:start] + marks + text[start:end] + marks + text[end:]
    return text.decode("utf-16-le")


async def on_discord(stage: DiscordStage, seed: int, count: int) -> Evening:
    """Let messages come as fast as they can, and wait for the last answer."""
    fake, random = stage.fake, Random(seed)
    assert isinstance(stage.engine, RepeatingEngine)
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
    return judge(count, lost, [message.content for message in sent], pings, stage.engine.lines, marks=True)
