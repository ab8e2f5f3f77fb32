"""Typing as people see it: shown while an answer is awaited, and not beside words of the answer."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from bot.message import Place

_LONGEST = 30.0  # seconds between two calls, but where a platform asks to wait
_PATIENCE = 0.3  # seconds for a call under way before words are shown; a call that hangs holds up nothing


@dataclass(slots=True)
class _Typing:
    """The calls of one place: the time of the next one, and whether they are to end."""

    next_call: float
    task: asyncio.Task[None] | None = None
    is_stopped: asyncio.Event = field(default_factory=asyncio.Event)


class TypingIndicator:
    """Makes a platform's typing calls, one after another in each place.

    A platform shows typing for seconds after the last call, and a webhook's message does not end it: the
    calls must end before anything of the answer is visible. An answer that is made anew before anything was
    visible finds it shown, and makes no call.
    """

    def __init__(self, call: Callable[[Place], Awaitable[float | None]]) -> None:
        """`call` shows typing once, and returns the seconds until it fades; None where it is refused."""
        self._call = call
        self._places: dict[Place, _Typing] = {}
        self._next_calls = OrderedDict[Place, float]()  # where typing is shown still, without an answer

    @asynccontextmanager
    async def shown(self, place: Place) -> AsyncIterator[None]:
        """Show typing at once, until `stop` or the end of the context; nothing waits for the calls."""
        typing = self._places[place] = _Typing(self._next_calls.pop(place, 0.0))
        typing.task = asyncio.create_task(self._keep_typing(place, typing))
        try:
            yield
        finally:
            typing.task.cancel()
            if self._places.get(place) is typing:
                del self._places[place]
            if not typing.is_stopped.is_set():
                self._remember(place, typing.next_call)
            await asyncio.wait([typing.task])

    def _remember(self, place: Place, next_call: float) -> None:
        """Note that typing is shown for a while, and forget the places where it has faded."""
        now = asyncio.get_running_loop().time()
        if now < next_call < now + _LONGEST:
            self._next_calls[place] = next_call
        while self._next_calls and next(iter(self._next_calls.values())) <= now:
            self._next_calls.popitem(last=False)

    async def stop(self, place: Place) -> None:
        """Make no further call: something of the answer is about to be visible.

        A call under way is not cancelled: all calls would wait for long, were it one that waits for a limit.
        """
        self._next_calls.pop(place, None)
        typing = self._places.get(place)
        if typing and typing.task and not typing.is_stopped.is_set():
            typing.is_stopped.set()
            await asyncio.wait([typing.task], timeout=_PATIENCE)

    async def _keep_typing(self, place: Place, typing: _Typing) -> None:
        loop = asyncio.get_running_loop()
        while not typing.is_stopped.is_set():
            if (wait := typing.next_call - loop.time()) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(typing.is_stopped.wait(), wait)
                continue
            seconds = await self._call(place)
            if seconds is None:
                return
            typing.next_call = loop.time() + seconds
