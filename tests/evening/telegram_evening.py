"""A hostile evening on Telegram."""

import asyncio
from random import Random
from typing import Any

from tests.evening.evening import GROUPS, Evening, count_lost, judge
from tests.evening.generated import NAMES, generated
from tests.evening.moments import TELEGRAM
from tests.evening.repeating import RepeatingEngine
from tests.fakes.telegram.chat import Chat, Message, User
from tests.fixtures.telegram_bot import Bot

COMMANDS = (
    "/why",
    '/persona@lamp_bot  "mara"',
    "/PERSONA nobody",
    "/settings names on",
    "/again",
    "/unheard",
)


async def on_telegram(bot: Bot, seed: int, count: int) -> Evening:
    """Let messages come as fast as they can, and wait for the last answer."""
    fake, random = bot.fake, Random(seed)
    assert isinstance(bot.engine, RepeatingEngine)
    people = {name: fake.user(name, f"user_{number}") for number, name in enumerate(NAMES)}
    bo = fake.user("Bo")
    groups = [fake.supergroup(f"Harbour {number}", *people.values(), bo) for number in range(GROUPS)]
    for group in groups:
        fake.promote(group, fake.bot, bo)
    for name, moment in generated(TELEGRAM, random, count):
        chat = fake.private(people[name]) if moment.direct else random.choice(groups)
        to = fake.say(chat, bo, moment.to) if moment.to else None
        text = moment.text if moment.direct else f"@lamp_bot {moment.text}"
        fake.say(chat, people[name], text, reply_to=to, **moment.more)
        if random.random() < 0.2:
            incident(bot, random, random.choice(groups), people[name], bo)
        await asyncio.sleep(0.002)
    await fake.until(lambda: not fake.updates.pending, seconds=120)
    await bot.quiet()
    lost = await count_lost(bot.memory)
    chats = [*groups, *(fake.private(person) for person in people.values())]
    sent = [message for chat in chats for message in fake.sent(chat)]
    pings = [message.text for message in sent if message.pings]
    return judge(count, lost, [fenced(message) for message in sent], pings, bot.engine.lines, marks=False)


def incident(bot: Bot, random: Random, chat: Chat, person: User, bo: User) -> None:
    """Let something happen that is no new message to the bot."""
    fake, number = bot.fake, random.randrange(10**6, 10**7)
    match random.randrange(6):
        case 0:
            said = fake.say(chat, person, "what is the tide?")
            fake.edit(said, "@lamp_bot what is the tide?")
        case 1:
            if sent := fake.sent(chat):
                fake.react(person, random.choice(sent), *random.choice((("👍",), ("🌊", "👍"), ())))
        case 2:
            fake.push(service(number, chat, person, {"new_chat_members": [bo.wire()]}))
        case 3:
            if sent := fake.sent(chat):
                fake.push(service(number, chat, person, {"pinned_message": random.choice(sent).wire}))
        case 4:
            fake.say(chat, person, random.choice(COMMANDS))
        case 5:
            peer = fake.user("Peer", "peer_bot", is_bot=True)
            fake.edit(fake.say(chat, peer, "@lamp_bot the"), "@lamp_bot the tide")


def service(id: int, chat: Chat, user: User, fields: dict[str, Any]) -> dict[str, Any]:
    """Return an update with a service message."""
    return {"message": {"message_id": id, "date": 100, "chat": chat.wire(), "from": user.wire()} | fields}


def fenced(message: Message) -> str:
    """Return the text of a message with fences around its blocks of code."""
    text, marks = message.text.encode("utf-16-le"), "```".encode("utf-16-le")
    for entity in reversed(message.entities):
        if entity["type"] == "pre":
            start, end = 2 * entity["offset"], 2 * (entity["offset"] + entity["length"])
            text = text[:start] + marks + text[start:end] + marks + text[end:]
    return text.decode("utf-16-le")
