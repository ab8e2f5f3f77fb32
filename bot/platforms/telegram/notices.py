"""What the bot itself tells people: silently, in plain text, and never as a part of the conversation."""

import asyncio
import logging

from telegram import InlineKeyboardMarkup

from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.message import Place
from bot.platforms.telegram.sender import Sender, Words, number
from bot.platforms.telegram.text import LIMIT, harmless, telegram_length
from bot.text.splitting import split_message

log = logging.getLogger(__name__)

_TRIES = 3
_REST = 1.0  # seconds between two tries


async def tell(
    sender: Sender, place: Place, text: str, reply_to: str, keyboard: InlineKeyboardMarkup | None = None
) -> str | None:
    """Tell something, in parts where it is long; the id of the last one, with the buttons, if it was said."""
    parts = [
        Words(harmless(part.text_to_send))
        for part in split_message(text, LIMIT, telegram_length, marks=False)
    ]
    for part in parts[:-1]:
        await _say(sender, place, part, number(reply_to), None)
    return await _say(sender, place, parts[-1], number(reply_to), keyboard)


async def _say(
    sender: Sender, place: Place, words: Words, reply_to: int | None, keyboard: InlineKeyboardMarkup | None
) -> str | None:
    """Try a few times, and leave it with a line in the log."""
    reason = ""
    for _ in range(_TRIES):
        try:
            return await sender.say(place, words, reply_to, keyboard, silent=True)
        except RetryLater as error:
            reason = str(error)
            await asyncio.sleep(error.seconds or _REST)
        except ChatMoved as error:
            place = error.place
        except DeliveryRefused as error:
            reason = str(error)
            break
    log.warning("nobody could be told", extra={"place": str(place), "reason": reason})
    return None


async def change(
    sender: Sender, place: Place, message: str, text: str, keyboard: InlineKeyboardMarkup | None
) -> None:
    """Change something that was told, as far as that goes."""
    try:
        await sender.edit(place, int(message), Words(harmless(text)), keyboard)
    except (RetryLater, DeliveryRefused, ChatMoved) as error:
        log.info("what was told stays", extra={"place": str(place), "reason": str(error)})
