"""Messages of the bot's account: sent, edited and deleted within Telegram's rate limits."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters

from bot.chat.delivery import MessageDeleted, RetryLater
from bot.message import Place
from bot.platforms.telegram.api import CallRefused, call_api
from bot.platforms.telegram.entities import EntityText
from bot.platforms.telegram.rate_limit import RateLimit

T = TypeVar("T")
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
# "message thread not found", "TOPIC_CLOSED", "TOPIC_DELETED", "topic closed"
_BAD_THREAD = ("thread not found", "message_thread_invalid", "topic")
# "message to be replied not found", "message to reply not found", "REPLY_MESSAGE_ID_INVALID"
_BAD_REPLY = ("repl",)
# "can't parse entities", "ENTITY_BOUNDS_INVALID", "can't parse MessageEntity"
_BAD_ENTITIES = ("entit",)
_DELETED = ("message to edit not found", "message_id_invalid")
_NO_CHAT = ("chat not found", "peer_id_invalid", "not enough rights", "have no rights", "need administrator")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as it is to be sent; each refusal leads to a plainer one."""

    text: EntityText
    thread: int | None
    reply_to: int | None

    def plainer(self, reason: str) -> "Delivery | None":
        """Return the next best delivery after a refusal; None where there is none.

        Without the reply, in the group itself in place of a topic, without formats.
        """
        reason = reason.casefold()
        if self.reply_to and _names(reason, _BAD_REPLY):
            return replace(self, reply_to=None)
        if self.thread and _names(reason, _BAD_THREAD):
            return replace(self, thread=None, reply_to=None)
        if self.text.content.spans and not _names(reason, _NO_CHAT):
            return replace(self, text=self.text.plain())
        return None


def is_about_chat(refusal: CallRefused) -> bool:
    """Return whether no message can be sent to the chat at all."""
    return _names(str(refusal).casefold(), _NO_CHAT)


def is_about_formats(refusal: CallRefused) -> bool:
    return _names(str(refusal).casefold(), _BAD_ENTITIES)


def _names(reason: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in reason for phrase in phrases)


def is_group(place: Place) -> bool:
    """Return whether several people can be in the chat; Telegram gives such chats negative ids."""
    return place.chat.startswith("-")


def parse_id(id: str | None) -> int | None:
    """Return a message or thread id as a number; None for an id from before a chat's move."""
    return int(id) if id and id.isascii() and id.isdigit() else None


class TelegramSender:
    """Makes calls within the rate limits.

    Each call raises `RetryLater`, `DeliveryRefused` or `ChatMoved`, and no other error.
    """

    def __init__(
        self, bot: Bot, rate_limit: RateLimit, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`seconds`: the deadline of a call."""
        self.bot = bot
        self._rate_limit, self._seconds, self._clock = rate_limit, seconds, clock
        self._calls: set[asyncio.Future[Any]] = set()

    async def call(self, place: Place, call: Awaitable[T]) -> T:
        """Return a call's result; a rate limit of Telegram holds only its own chat.

        A call goes on where its caller is cancelled: a call that is cut off may leave its socket behind.
        """
        task = asyncio.ensure_future(call_api(call, place, self._seconds))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        try:
            return await asyncio.shield(task)
        except RetryLater as error:
            if error.seconds:
                self._rate_limit.close(place.chat, self._clock() + error.seconds)
            raise

    async def close(self, seconds: float) -> None:
        """Wait so many seconds for calls under way, then cancel them."""
        if calls := list(self._calls):
            await asyncio.wait(calls, timeout=seconds)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    def is_open(self, place: Place) -> bool:
        """Return whether the place's chat is outside any wait that Telegram asked for."""
        return self._rate_limit.is_open(place.chat, self._clock())

    def can_spare(self, place: Place, keep: int) -> bool:
        """Return whether the chat has room for an optional message, and for `keep` more this minute."""
        return self._rate_limit.can_spare(place.chat, is_group(place), self._clock(), keep)

    async def send(
        self,
        place: Place,
        text: EntityText,
        reply_to: int | None = None,
        keyboard: InlineKeyboardMarkup | None = None,
        *,
        silent: bool = False,
    ) -> str:
        """Send a message and return its id; what Telegram refuses is sent the next best way."""
        delivery: Delivery | None = Delivery(text, parse_id(place.thread), reply_to)
        while delivery:
            await self._wait_turn(place)
            sending = self.bot.send_message(
                int(place.chat),
                delivery.text.text,
                entities=delivery.text.entities,
                disable_notification=silent,
                message_thread_id=delivery.thread,
                reply_parameters=_reply_parameters(delivery.reply_to),
                link_preview_options=_NO_PREVIEW,
                reply_markup=keyboard,
            )
            try:
                return str((await self.call(place, sending)).message_id)
            except CallRefused as error:
                refusal, delivery = error, delivery.plainer(str(error))
        raise refusal

    async def edit(
        self, place: Place, message_id: int, text: EntityText, keyboard: InlineKeyboardMarkup | None = None
    ) -> bool:
        """Edit a message; return False for one that Telegram does not edit so. Raises `MessageDeleted`."""
        await self._wait_turn(place)
        editing = self.bot.edit_message_text(
            text.text,
            int(place.chat),
            message_id,
            entities=text.entities,
            link_preview_options=_NO_PREVIEW,
            reply_markup=keyboard,
        )
        try:
            await self.call(place, editing)
        except CallRefused as error:
            reason = str(error).casefold()
            if "not modified" in reason:
                return True
            if text.content.spans and is_about_formats(error):
                return await self.edit(place, message_id, text.plain(), keyboard)
            if is_about_chat(error):
                raise
            if _names(reason, _DELETED):
                raise MessageDeleted(str(error)) from error
            return False
        return True

    async def delete(self, place: Place, message_ids: Sequence[int]) -> None:
        """Delete messages of at most two days ago (Bot API, deleteMessage)."""
        for at in range(0, len(message_ids), 100):
            await self.call(place, self.bot.delete_messages(int(place.chat), message_ids[at : at + 100]))

    async def _wait_turn(self, place: Place) -> None:
        """Wait until one more message may go."""
        wait = self._try_turn(place)
        while wait:
            await asyncio.sleep(wait)
            wait = self._try_turn(place)

    def _try_turn(self, place: Place) -> float:
        return self._rate_limit.wait_turn(place.chat, is_group(place), self._clock())


def _reply_parameters(message_id: int | None) -> ReplyParameters | None:
    return ReplyParameters(message_id, allow_sending_without_reply=True) if message_id else None
