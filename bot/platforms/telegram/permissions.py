"""Permission levels of users on Telegram, asked of Telegram for each command."""

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

_SHARED_ACCOUNTS = (ANONYMOUS, CHANNEL, LINKED)  # accounts through which anybody can send
_ADMINS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)


async def permission_level(
    sender: TelegramSender, invoker: Invoker, owners: Container[str], place: Place
) -> Level:
    """Return the invoker's level: by numeric id, never by name; MEMBER where Telegram does not answer."""
    if invoker.sender_chat is not None:
        is_anonymous_admin = invoker.id == ANONYMOUS and invoker.sender_chat == invoker.chat_id
        return Level.ADMIN if is_anonymous_admin else Level.MEMBER
    if invoker.id in _SHARED_ACCOUNTS:
        return Level.MEMBER
    if str(invoker.id) in owners:
        return Level.OWNER
    if invoker.chat_id == invoker.id:
        return Level.ADMIN
    try:
        member = await sender.call(place, sender.bot.get_chat_member(invoker.chat_id, invoker.id))
    except (RetryLater, DeliveryRefused, ChatMoved) as error:
        log.warning("permissions_unknown", extra={"place": str(place), "reason": str(error)})
        return Level.MEMBER
    return Level.ADMIN if member.status in _ADMINS else Level.MEMBER
