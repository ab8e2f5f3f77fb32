"""The preview of a reply: people see the text grow while it is generated."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from bot.chat.delivery import ChatMoved, DeliveryRefused, MessageDeleted, Outlet, RetryLater
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.persona import Persona

log = logging.getLogger(__name__)


class StreamingPreview:
    """Shows the newest text of a reply while it is generated, no oftener than the outlet's pace.

    `begin` is called before anything can be seen, and returns the part in which the preview is shown; None
    shows nothing.
    """

    def __init__(
        self,
        memory: Memory,
        outlet: Outlet,
        place: Place,
        persona: Persona,
        begin: Callable[[], Awaitable[Outgoing | None]],
    ) -> None:
        self._memory, self._outlet, self._place = memory, outlet, place
        self._persona, self._begin = persona, begin
        self._draft: Outgoing | None = None
        self._text = self._shown = ""
        self._fed = asyncio.Event()
        self._showing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._is_deleted = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show no more. A running call to the platform ends first, so that no preview follows the reply."""
        if kind is None:
            await self._showing.acquire()
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
            if kind is None and not self._task.cancelled():
                self._task.result()

    @property
    def sent_id(self) -> str | None:
        """The platform's id of the message in which the preview is shown, where that message stays."""
        return self._draft.sent_id if self._draft else None

    @property
    def is_deleted(self) -> bool:
        """Return whether somebody deleted the message in which the preview was shown."""
        return self._is_deleted

    async def feed(self, text: str) -> None:
        """Take the text of the reply so far."""
        self._text = text
        pace = self._outlet.pace(self._place)
        if not pace:
            await self._show()
        elif self._task is None:
            self._task = asyncio.create_task(self._show_at_pace(pace))
        self._fed.set()

    async def _show_at_pace(self, pace: float) -> None:
        while True:
            await self._fed.wait()
            await asyncio.sleep(pace)
            self._fed.clear()
            async with self._showing:
                try:
                    await self._show()
                except MessageDeleted:
                    self._is_deleted = True
                    return
                except (RetryLater, DeliveryRefused, ChatMoved) as error:
                    log.info("preview_ended", extra={"place": str(self._place), "reason": str(error)})
                    return

    async def _show(self) -> None:
        if self._text == self._shown:
            return
        is_first, self._shown = not self._shown, self._text
        self._draft = await self._begin() if is_first else self._draft
        if self._draft is None:
            return
        sent_id = await self._outlet.show(self._draft, self._persona, self._shown)
        if sent_id is not None and sent_id != self._draft.sent_id:
            await self._memory.shown(self._draft.key, sent_id)
            self._draft = replace(self._draft, sent_id=sent_id)
