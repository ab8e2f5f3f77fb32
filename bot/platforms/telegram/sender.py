"""Messages of the bot's account: said, changed and deleted, each in its turn."""

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
    """A text as it is sent, with the name line as its only mark."""

    text: str
    name_length: int = 0  # UTF-16 units of the name line

    @property
    def entities(self) -> list[MessageEntity]:
        return [MessageEntity(MessageEntity.BOLD, 0, self.name_length)] if self.name_length else []


def is_group(place: Place) -> bool:
    """Whether several people can be there; Telegram gives such chats ids below zero."""
    return place.chat.startswith("-")


def parse_id(id: str | None) -> int | None:
    """A message or thread id of Telegram's; what was said before a chat moved has none that holds."""
    return int(id) if id and id.isascii() and id.isdigit() else None


class TelegramSender:
    """Makes the calls, no faster than Telegram bears. They raise
    `RetryLater`, `DeliveryRefused` and `ChatMoved` alone."""

    def __init__(
        self, bot: Bot, rate_limit: RateLimit, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`seconds`: the deadline of a call."""
        self.bot = bot
        self._rate_limit, self._seconds, self._clock = rate_limit, seconds, clock
        self._calls: set[asyncio.Future[Any]] = set()

    async def call(self, place: Place, call: Awaitable[T]) -> T:
        """Make a call; a chat that is told to wait does so alone.

        The call goes on when its caller is cancelled: one that is cut off may leave its socket behind.
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
        """Wait so long for calls that go on, and no longer."""
        if calls := list(self._calls):
            await asyncio.wait(calls, timeout=seconds)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    def is_open(self, place: Place) -> bool:
        """Whether the place's chat was not told to wait."""
        return self._rate_limit.is_open(place.chat, self._clock())

    def can_spare(self, place: Place, keep: int) -> bool:
        """Whether the chat bears a message now that need not be, and `keep` more this minute."""
        return self._rate_limit.can_spare(place.chat, is_group(place), self._clock(), keep)

    async def send(
        self,
        place: Place,
        words: NamedText,
        reply_to: int | None = None,
        keyboard: InlineKeyboardMarkup | None = None,
        *,
        silent: bool = False,
    ) -> str:
        """Send a message and return its id; without its thread or marks, where Telegram refuses those."""
        entities, thread = words.entities, parse_id(place.thread)
        while True:
            await self._wait_turn(place)
            sending = self.bot.send_message(
                int(place.chat),
                words.text,
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
        self, place: Place, message: int, words: NamedText, keyboard: InlineKeyboardMarkup | None = None
    ) -> bool:
        """Whether the message says this now; not where there is no such message any more."""
        await self._wait_turn(place)
        editing = self.bot.edit_message_text(
            words.text,
            int(place.chat),
            message,
            entities=words.entities,
            link_preview_options=_NO_PREVIEW,
            reply_markup=keyboard,
        )
        try:
            await self.call(place, editing)
        except DeliveryRefused as error:
            reason = str(error).casefold()
            if "not modified" in reason:
                return True
            if any(gone in reason for gone in _NOT_EDITABLE):
                return False
            raise
        return True

    async def delete(self, place: Place, messages: Sequence[int]) -> None:
        """Those of the last two days can be deleted (Bot API, deleteMessage)."""
        for at in range(0, len(messages), 100):
            await self.call(place, self.bot.delete_messages(int(place.chat), messages[at : at + 100]))

    async def _wait_turn(self, place: Place) -> None:
        """Wait until one more message may go."""
        wait = self._try_turn(place)
        while wait:
            await asyncio.sleep(wait)
            wait = self._try_turn(place)

    def _try_turn(self, place: Place) -> float:
        return self._rate_limit.wait_turn(place.chat, is_group(place), self._clock())


def _reply_parameters(message: int | None) -> ReplyParameters | None:
    return ReplyParameters(message, allow_sending_without_reply=True) if message else None
