"""Messages of the bot's account: sent, edited and deleted within Telegram's rate limits."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity, ReplyParameters

from bot.chat.delivery import DeliveryRefused, RetryLater
from bot.message import Place
from bot.platforms.telegram.api import call_api
from bot.platforms.telegram.rate_limit import RateLimit

T = TypeVar("T")
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_NO_THREAD = "message thread not found"
_BAD_ENTITIES = "entit"  # "can't parse entities", "ENTITY_BOUNDS_INVALID"
_NOT_EDITABLE = ("message to edit not found", "message can't be edited", "message_id_invalid")


@dataclass(frozen=True, slots=True)
class NamedText:
    """A text to send, with the name line as its only formatting."""

    text: str
    name_length: int = 0  # UTF-16 units of the name line

    @property
    def entities(self) -> list[MessageEntity]:
        return [MessageEntity(MessageEntity.BOLD, 0, self.name_length)] if self.name_length else []


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
        text: NamedText,
        reply_to: int | None = None,
        keyboard: InlineKeyboardMarkup | None = None,
        *,
        silent: bool = False,
    ) -> str:
        """Send a message and return its id; without thread or formatting where Telegram refuses those."""
        entities, thread = text.entities, parse_id(place.thread)
        while True:
            await self._wait_turn(place)
            sending = self.bot.send_message(
                int(place.chat),
                text.text,
                entities=entities,
                disable_notification=silent,
                message_thread_id=thread,
                reply_parameters=_reply_parameters(reply_to),
                link_preview_options=_NO_PREVIEW,
                reply_markup=keyboard,
            )
            try:
                return str((await self.call(place, sending)).message_id)
            except DeliveryRefused as error:
                reason = str(error).casefold()
                if thread and _NO_THREAD in reason:
                    thread = None
                elif entities and _BAD_ENTITIES in reason:
                    entities = []
                else:
                    raise

    async def edit(
        self, place: Place, message_id: int, text: NamedText, keyboard: InlineKeyboardMarkup | None = None
    ) -> bool:
        """Edit a message; return False for a deleted or uneditable message."""
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
        except DeliveryRefused as error:
            reason = str(error).casefold()
            if "not modified" in reason:
                return True
            if any(phrase in reason for phrase in _NOT_EDITABLE):
                return False
            raise
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
