"""Listener on the engine's thread that settles futures of the event loop."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from bot.errors import RestartNeeded, UserError
from bot.prompt.builder import Tokenizer

T = TypeVar("T")


class LoopListener:
    """An `EngineListener` whose methods, called on the engine's thread, settle futures of the event loop."""

    def __init__(self, loop_closed: Callable[[], None]) -> None:
        """`loop_closed` is called on the engine's thread when the event loop is closed."""
        self._loop_closed = loop_closed

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the futures on this event loop; call it before the engine's thread starts."""
        self._loop = loop
        self.tokenizer: asyncio.Future[Tokenizer] = loop.create_future()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()  # never has a result
        self.ended = asyncio.Event()

    def tokenizer_read(self, tokenizer: Tokenizer) -> None:
        self.post(settle_future, self.tokenizer, tokenizer)

    def model_loaded(self) -> None:
        self.post(settle_future, self.ready, None)

    def load_failed(self, error: UserError) -> None:
        self.post(fail_future, self.tokenizer, error)
        self.post(fail_future, self.ready, error)

    def engine_lost(self, error: RestartNeeded) -> None:
        self.post(fail_future, self.lost, error)

    def thread_ended(self) -> None:
        self.post(self.ended.set)

    def post(self, function: Callable[..., object], *arguments: object) -> None:
        """Call a function on the event loop."""
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            self._loop_closed()


def settle_future(future: asyncio.Future[T], value: T) -> None:
    """Set a future's result unless the future is done."""
    if not future.done():
        future.set_result(value)


def fail_future(future: asyncio.Future[Any], error: BaseException) -> None:
    """Set a future's exception unless the future is done; a future that nobody awaits logs nothing."""
    if not future.done():
        future.set_exception(error)
        future.exception()  # marks the exception as retrieved; awaiting the future still raises it
