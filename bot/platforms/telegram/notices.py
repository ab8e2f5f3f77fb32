"""What the bot itself tells people: silently, in plain text, and never as a part of the conversation."""

import asyncio
import logging

from telegram import InlineKeyboardMarkup

from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.message import Place
from bot.platforms.telegram.sender import NamedText, TelegramSender, parse_id
from bot.platforms.telegram.text import MAX_MESSAGE, sanitize, telegram_length
from bot.text.splitting import split_message

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_RETRY_DELAY = 1.0  # seconds between two tries


async def send_notice(
    sender: TelegramSender,
    place: Place,
    text: str,
    reply_to: str,
    keyboard: InlineKeyboardMarkup | None = None,
) -> str | None:
    """Tell something, in parts where it is long; the id of the last one, with the buttons, if it was said."""
    parts = [
        NamedText(sanitize(part.whole))
        for part in split_message(text, MAX_MESSAGE, telegram_length, marks=False)
    ]
    for part in parts[:-1]:
        await _try_send(sender, place, part, parse_id(reply_to), None)
    return await _try_send(sender, place, parts[-1], parse_id(reply_to), keyboard)


async def _try_send(
    sender: TelegramSender,
    place: Place,
    words: NamedText,
    reply_to: int | None,
    keyboard: InlineKeyboardMarkup | None,
) -> str | None:
    """Try a few times, and leave it with a line in the log."""
    reason = ""
    for _ in range(_ATTEMPTS):
        try:
            return await sender.send(place, words, reply_to, keyboard, silent=True)
        except RetryLater as error:
            reason = str(error)
            await asyncio.sleep(error.seconds or _RETRY_DELAY)
        except ChatMoved as error:
            place = error.place
        except DeliveryRefused as error:
            reason = str(error)
            break
    log.warning("nobody could be told", extra={"place": str(place), "reason": reason})
    return None


async def edit_notice(
    sender: TelegramSender, place: Place, message_id: str, text: str, keyboard: InlineKeyboardMarkup | None
) -> None:
    """Change something that was told, as far as that goes."""
    try:
        await sender.edit(place, int(message_id), NamedText(sanitize(text)), keyboard)
    except (RetryLater, DeliveryRefused, ChatMoved) as error:
        log.info("what was told stays", extra={"place": str(place), "reason": str(error)})
