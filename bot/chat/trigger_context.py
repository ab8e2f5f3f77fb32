"""What must be known of a place before a message there is attended to."""

from bot.chat import scoped_settings
from bot.chat.triggers import LONGEST_BOT_TALK, TriggerContext
from bot.config import ChatSettings
from bot.memory.store import Memory
from bot.message import Message, Place
from bot.persona.persona import Cast


async def read_trigger_context(
    message: Message, memory: Memory, cast: Cast, settings: ChatSettings
) -> TriggerContext:
    """The situation of a message that has been accepted; `UserError` when nobody can speak in its place."""
    values = await scoped_settings.read_settings(memory, message.place, settings)
    replied = await memory.find(message.place, message.reply_to) if message.reply_to else None
    heeds_bots = values["bots"].is_on
    return TriggerContext(
        cast.chosen(values["persona"].text).key,
        replied.persona if replied else None,
        values["listen"].is_on,
        values["names"].is_on,
        heeds_bots,
        await _bot_turns(memory, message.place) if message.author.is_bot and heeds_bots else 0,
    )


async def _bot_turns(memory: Memory, place: Place) -> int:
    """How many of the newest messages came in a row from bots and personas, as far as it matters."""
    turns = 0
    for said in reversed(await memory.history(place, limit=LONGEST_BOT_TALK)):
        if not said.author.is_bot:
            break
        turns += 1
    return turns
