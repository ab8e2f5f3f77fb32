"""What somebody may do in a chat of Telegram's, asked of Telegram when it matters."""

import logging
from collections.abc import Container

from telegram import ChatMember

from bot.chat.commands import Level
from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.message import Place
from bot.platforms.telegram.events import Invoker
from bot.platforms.telegram.sender import TelegramSender
from bot.platforms.telegram.translate import ANONYMOUS, CHANNEL, LINKED

log = logging.getLogger(__name__)

_SHARED_ACCOUNTS = (ANONYMOUS, CHANNEL, LINKED)  # anybody can speak through these
_ADMINS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)


async def permission_level(
    sender: TelegramSender, invoker: Invoker, owners: Container[str], place: Place
) -> Level:
    """The rights of an asker: by numeric id, never by name, and a member's where Telegram does not say."""
    if invoker.sender_chat is not None:
        anonymous = invoker.id == ANONYMOUS and invoker.sender_chat == invoker.chat_id
        return Level.ADMIN if anonymous else Level.MEMBER
    if invoker.id in _SHARED_ACCOUNTS:
        return Level.MEMBER
    if str(invoker.id) in owners:
        return Level.OWNER
    if invoker.chat_id == invoker.id:
        return Level.ADMIN
    try:
        member = await sender.call(place, sender.bot.get_chat_member(invoker.chat_id, invoker.id))
    except (RetryLater, DeliveryRefused, ChatMoved) as error:
        log.warning("rights are not known", extra={"place": str(place), "reason": str(error)})
        return Level.MEMBER
    return Level.ADMIN if member.status in _ADMINS else Level.MEMBER
