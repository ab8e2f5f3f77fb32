"""A hostile evening on Discord."""

import asyncio
from random import Random

from tests.evening.evening import GROUPS, Evening, count_lost, judge
from tests.evening.generated import NAMES, generated
from tests.evening.moments import DISCORD
from tests.evening.repeating import RepeatingEngine
from tests.fakes.discord.request import File
from tests.fakes.discord.world import Channel, User, Webhook
from tests.fixtures.discord_bot import DiscordStage

PLURALKIT = 466378653216014359


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
        if random.random() < 0.2:
            incident(stage, random, random.choice(channels), people[name])
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.5)
    await fake.until(lambda: stage._is_idle(), seconds=120)
    lost = await count_lost(stage.memory)
    own = {hook.id for hook in fake.platform.webhooks.values() if hook.application != PLURALKIT}
    sent = [one for one in fake.messages if one.author == fake.bot or one.webhook in own]
    pings = [message.content for message in sent if message.pings]
    return judge(count, lost, [message.content for message in sent], pings, stage.engine.lines, marks=True)


def incident(stage: DiscordStage, random: Random, channel: Channel, person: User) -> None:
    """Let something happen that is no new message to the bot."""
    fake, me = stage.fake, stage.fake.bot.mention
    match random.randrange(7):
        case 0:
            said = fake.say(channel, person, "what is the tide?")
            fake.edit(said, f"{me} what is the tide?")
        case 1:
            fake.react(random.choice(fake.messages), person, random.choice("🌊⭐"))
        case 2:
            fake.say(channel, person, "", more={"type": 7})
        case 3:
            first = fake.say(channel, person, "a: Mara, tea?")
            fake.proxy(webhook_of(stage, channel), "A", "Mara, tea?", instead=first)
        case 4:
            fake.say(channel, person, me, files=[File("message.txt", b"long\nMara: aye", "text/plain")])
        case 5:
            peer = fake.user("peer", bot=True)
            fake.edit(fake.say(channel, peer, f"{me} the"), f"{me} the tide")
        case 6:
            said = fake.say(channel, person, f"{me} never mind")
            fake.delete(said)


def webhook_of(stage: DiscordStage, channel: Channel) -> Webhook:
    """Return PluralKit's webhook of a channel, made where it is missing."""
    hooks = (one for one in stage.fake.platform.webhooks.values() if one.application == PLURALKIT)
    known = next((one for one in hooks if one.channel is channel), None)
    return known or stage.fake.webhook(channel, "PluralKit", application=PLURALKIT)
