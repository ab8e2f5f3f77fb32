"""The facts about a message's place that the reply rules need, read from memory and settings."""

from bot.chat import scoped_settings
from bot.chat.triggers import LONGEST_BOT_TALK, TriggerContext
from bot.config import ChatSettings
from bot.memory.store import Memory
from bot.message import Message, Place
from bot.persona.persona import Cast


async def read_trigger_context(
    message: Message, memory: Memory, cast: Cast, settings: ChatSettings
) -> TriggerContext:
    """Read the context of an accepted message. Raises `UserError` where its place's persona is gone."""
    values = await scoped_settings.read_settings(memory, message.place, settings)
    replied = await memory.find(message.place, message.reply_to) if message.reply_to else None
    answers_bots = values["bots"].is_on
    return TriggerContext(
        cast.chosen(values["persona"].text).key,
        replied.persona if replied else None,
        values["listen"].is_on,
        values["names"].is_on,
        answers_bots,
        await _bot_turns(memory, message.place) if message.author.is_bot and answers_bots else 0,
    )


async def _bot_turns(memory: Memory, place: Place) -> int:
    """Count the newest messages in a row by bots and personas, up to `LONGEST_BOT_TALK`."""
    turns = 0
    for message in reversed(await memory.history(place, limit=LONGEST_BOT_TALK)):
        if not message.author.is_bot:
            break
        turns += 1
    return turns
