"""A running request as the event loop sees it: pieces come from the engine's thread, cancelling goes back."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self

from bot.engine.interface import Answer, Finish, Piece, Request, Timings
from bot.errors import UserError

DEADLINE_GRACE = 2.0  # seconds after a deadline that the thread has to end a request itself


class OutputStream:
    """The `Generation` of an engine in this process. `push`, `end` and `fail` are for the engine's thread."""

    def __init__(
        self, request: Request, loop: asyncio.AbstractEventLoop, stuck: Callable[[], bool] = lambda: False
    ) -> None:
        """`stuck` tells whether the thread hangs in a step."""
        self.request = request
        self._stuck = stuck
        self.submitted_at = monotonic()
        self.skip_prefix_cache = False  # the thread's own: its words must not be remembered
        self._loop = loop
        self._lock = threading.Lock()
        self._pieces: deque[Piece] = deque()
        self._wake = asyncio.Event()
        self._awake = False
        self._cancelled = False
        self._first = False
        self._answers: tuple[Answer, ...] | None = None
        self._error: BaseException | None = None
        self._read: list[list[str]] = [[] for _ in range(request.n)]

    def abort_reason(self) -> Finish | None:
        """Why the thread should end this request now, or None."""
        if self._cancelled:
            return "cancelled"
        return "deadline" if self._time_left() <= 0 else None

    @property
    def finished(self) -> bool:
        """Whether it has ended, well or not."""
        return self._answers is not None or self._error is not None

    def push(self, piece: Piece) -> None:
        """Hand over a piece; pieces that the loop has not fetched yet travel together."""
        with self._lock:
            if not self.finished:
                self._first = True
                self._pieces.append(piece)
        self._notify()

    def finish(self, answers: tuple[Answer, ...]) -> None:
        """Hand over the answers; nothing follows, and what follows another end is ignored."""
        with self._lock:
            if not self.finished:
                self._answers = answers
        self._notify()

    def fail(self, error: BaseException) -> None:
        """End with an error."""
        with self._lock:
            if not self.finished:
                self._error = error
        self._notify()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece:
        while True:
            with self._lock:
                piece, over = self._take(), self.finished
                self._awake = False
                self._wake.clear()
            if piece is not None:
                self._read[piece.candidate].append(piece.text)
                return piece
            if over:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            await self._wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def cancel(self) -> None:
        """Stop within one step; the iteration then ends and the answers' finish is "cancelled"."""
        self._cancelled = True
        if not self.finished:
            self._loop.call_later(DEADLINE_GRACE, self.abort, "cancelled")  # should that step hang

    def abort(self, finish: Finish) -> None:
        """End on the event loop's side with what has come so far; the thread will notice."""
        self.finish(tuple(self._so_far(candidate, finish) for candidate in range(self.request.n)))
        self._cancelled = True

    @property
    def answers(self) -> tuple[Answer, ...]:
        """One per candidate, after the last piece."""
        if self._answers is None:
            raise RuntimeError("The answers are there after the last piece; iterate to the end first.")
        return self._answers

    def _take(self) -> Piece | None:
        """The text of every waiting piece of one candidate, as one piece."""
        if not self._pieces:
            return None
        candidate = self._pieces[0].candidate
        text = "".join(piece.text for piece in self._pieces if piece.candidate == candidate)
        self._pieces = deque(piece for piece in self._pieces if piece.candidate != candidate)
        return Piece(text, candidate)

    async def _wait(self) -> None:
        """Wait for the thread, but not past the deadline: a step that hangs must not hold the caller."""
        try:
            await asyncio.wait_for(
                self._wake.wait(), max(0.0, self._time_left()) + (not self._stuck()) * DEADLINE_GRACE
            )
        except TimeoutError:
            if self._stuck():
                self.fail(UserError("The model hangs: start the bot again."))
            else:
                self.abort("cancelled" if self._cancelled else "deadline")

    def _time_left(self) -> float:
        request = self.request
        limit = request.deadline if self._first else min(request.first_deadline, request.deadline)
        return self.submitted_at + limit - monotonic()

    def _notify(self) -> None:
        with self._lock:
            if self._awake:
                return
            self._awake = True
        try:
            self._loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self._cancelled = True

    def _so_far(self, candidate: int, finish: Finish) -> Answer:
        waiting = (piece.text for piece in tuple(self._pieces) if piece.candidate == candidate)
        total = monotonic() - self.submitted_at
        timings = Timings(total, total, total)
        return Answer("".join((*self._read[candidate], *waiting)), len(self.request.ids), 0, finish, timings)
