"""Notices of the bot itself: silent, in plain text, and never a part of the conversation."""

import asyncio
import logging

from telegram import InlineKeyboardMarkup

from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.message import Place
from bot.platforms.telegram.entities import EntityText, entity_text
from bot.platforms.telegram.sender import TelegramSender, parse_id
from bot.platforms.telegram.text import MAX_MESSAGE, clean_text, telegram_length
from bot.text.formatted_splitting import split_formatted
from bot.text.formatted_text import FormattedText

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_MAX_PARTS = 4  # messages of one notice; lists of a hundred personas have two
_RETRY_DELAY = 1.0  # seconds between two tries


async def send_notice(
    sender: TelegramSender,
    place: Place,
    text: str,
    reply_to: str,
    keyboard: InlineKeyboardMarkup | None = None,
) -> str | None:
    """Send a notice, a long one in a few parts; return the id of the last, which has the buttons, or None."""
    split = list(split_formatted(FormattedText(clean_text(text)), MAX_MESSAGE, telegram_length))
    if len(split) > _MAX_PARTS:
        split = [*split[: _MAX_PARTS - 1], FormattedText(split[_MAX_PARTS - 1].text[:-1] + "…")]
    parts = [entity_text(part) for part in split or [FormattedText(text)]]
    for part in parts[:-1]:
        await _try_send(sender, place, part, parse_id(reply_to), None)
    return await _try_send(sender, place, parts[-1], parse_id(reply_to), keyboard)


async def _try_send(
    sender: TelegramSender,
    place: Place,
    text: EntityText,
    reply_to: int | None,
    keyboard: InlineKeyboardMarkup | None,
) -> str | None:
    """Send one part in a few tries; return None and log the reason where all fail."""
    reason = ""
    for _ in range(_ATTEMPTS):
        try:
            return await sender.send(place, text, reply_to, keyboard, silent=True)
        except RetryLater as error:
            reason = str(error)
            await asyncio.sleep(error.seconds or _RETRY_DELAY)
        except ChatMoved as error:
            place = error.place
        except DeliveryRefused as error:
            reason = str(error)
            break
    log.warning("notice_failed", extra={"place": str(place), "reason": reason})
    return None


async def edit_notice(
    sender: TelegramSender, place: Place, message_id: str, text: str, keyboard: InlineKeyboardMarkup | None
) -> None:
    """Edit a notice; log an edit that fails."""
    try:
        await sender.edit(place, int(message_id), entity_text(FormattedText(clean_text(text))), keyboard)
    except (RetryLater, DeliveryRefused, ChatMoved) as error:
        log.info("edit_failed", extra={"place": str(place), "reason": str(error)})
