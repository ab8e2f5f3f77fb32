"""What somebody may do in a chat of Telegram's, asked of Telegram when it matters."""

import logging
from collections.abc import Container

from telegram import ChatMember

from bot.chat.commands import Level
from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.message import Place
from bot.platforms.telegram.events import Asker
from bot.platforms.telegram.sender import Sender
from bot.platforms.telegram.translate import ANONYMOUS, CHANNEL, LINKED

log = logging.getLogger(__name__)

_STAND_INS = (ANONYMOUS, CHANNEL, LINKED)  # anybody can speak through these
_ADMINS = (ChatMember.OWNER, ChatMember.ADMINISTRATOR)


async def level(sender: Sender, asker: Asker, owners: Container[str], place: Place) -> Level:
    """The rights of an asker: by numeric id, never by name, and a member's where Telegram does not say."""
    if asker.speaks_as is not None:
        anonymous = asker.id == ANONYMOUS and asker.speaks_as == asker.chat
        return Level.ADMIN if anonymous else Level.MEMBER
    if asker.id in _STAND_INS:
        return Level.MEMBER
    if str(asker.id) in owners:
        return Level.OWNER
    if asker.chat == asker.id:
        return Level.ADMIN
    try:
        member = await sender.call(place, sender.bot.get_chat_member(asker.chat, asker.id))
    except (RetryLater, DeliveryRefused, ChatMoved) as error:
        log.warning("rights are not known", extra={"place": str(place), "reason": str(error)})
        return Level.MEMBER
    return Level.ADMIN if member.status in _ADMINS else Level.MEMBER
