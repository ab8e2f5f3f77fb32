"""Output stream of one request: the engine's thread pushes pieces, the event loop reads and cancels."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import reduce
from time import monotonic
from types import TracebackType
from typing import Self

from bot.engine.interface import Answer, Finish, Piece, Request, Timings
from bot.errors import UserError

DEADLINE_GRACE = 2.0  # seconds after a deadline in which the engine's thread may still end the request


class OutputStream:
    """The `Generation` of a local engine. `push`, `finish` and `fail` are for the engine's thread."""

    def __init__(
        self, request: Request, loop: asyncio.AbstractEventLoop, is_stuck: Callable[[], bool] = lambda: False
    ) -> None:
        """`is_stuck` tells whether the engine's thread hangs in a step."""
        self.request = request
        self.submitted_at = monotonic()
        self.skip_prefix_cache = False  # for the engine's thread alone: its place or adapter was dropped
        self._is_stuck = is_stuck
        self._loop = loop
        self._lock = threading.Lock()
        self._pieces: deque[Piece] = deque()  # pushed and not read
        self._wake = asyncio.Event()
        self._wake_scheduled = False
        self._cancelled = False
        self._has_first_piece = self._has_begun = False
        self._is_paused = False
        self._answers: tuple[Answer, ...] | None = None
        self._error: BaseException | None = None
        self._read: list[list[str]] = [[] for _ in range(request.n)]

    def abort_reason(self) -> Finish | None:
        """Return "cancelled" or "deadline" when the engine's thread must end this request now, else None."""
        if self._cancelled:
            return "cancelled"
        return "deadline" if self._seconds_left() <= 0 else None

    @property
    def finished(self) -> bool:
        """True once the request ended, with answers or with an error."""
        return self._answers is not None or self._error is not None

    @property
    def has_piece(self) -> bool:
        """True once a piece was handed over."""
        return self._has_first_piece

    def begin(self) -> None:
        """Note that the answer has begun, with a thought: the first deadline is met."""
        self._has_begun = True

    def pause_deadlines(self) -> None:
        """Let no deadline pass until `resume_deadlines`: the engine is made anew."""
        self._is_paused = True

    def resume_deadlines(self) -> None:
        """Let the deadlines of a paused request begin anew."""
        if self._is_paused:
            self.submitted_at, self._is_paused, self._has_begun = monotonic(), False, False

    def push(self, piece: Piece) -> None:
        """Hand over a piece; pieces that the event loop has not read yet are joined."""
        with self._lock:
            if not self.finished:
                self._has_first_piece = True
                self._pieces.append(piece)
        self._notify()

    def finish(self, answers: tuple[Answer, ...]) -> None:
        """Hand over the answers, one per candidate; ignored once the request has ended."""
        with self._lock:
            if not self.finished:
                self._answers = answers
        self._notify()

    def fail(self, error: BaseException) -> None:
        """End the request with an error; ignored once the request has ended."""
        with self._lock:
            if not self.finished:
                self._error = error
        self._notify()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Piece:
        while True:
            with self._lock:
                piece, finished = self._next_piece(), self.finished
                self._wake_scheduled = False
                self._wake.clear()
            if piece is not None:
                self._note_read(piece)
                return piece
            if finished:
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
        """End the request from the event loop with the text so far; the engine's thread drops it later."""
        self.finish(tuple(self._partial_answer(candidate, finish) for candidate in range(self.request.n)))
        self._cancelled = True

    @property
    def answers(self) -> tuple[Answer, ...]:
        """One answer per candidate; raises `RuntimeError` before the last piece was read."""
        if self._answers is None:
            raise RuntimeError("The answers are there after the last piece; iterate to the end first.")
        return self._answers

    def _next_piece(self) -> Piece | None:
        """Take the text of all unread pieces of one candidate, as one piece."""
        if not self._pieces:
            return None
        candidate = self._pieces[0].candidate
        pieces = [piece for piece in self._pieces if piece.candidate == candidate]
        self._pieces = deque(piece for piece in self._pieces if piece.candidate != candidate)
        return _joined(pieces)

    def _note_read(self, piece: Piece) -> None:
        read = self._read[piece.candidate]
        if piece.replaces:
            read[:] = [piece.added_to("".join(read))]
        else:
            read.append(piece.text)

    async def _wait(self) -> None:
        """Wait for the engine's thread, but not past the deadline, should a step hang."""
        grace = 0.0 if self._is_stuck() else DEADLINE_GRACE
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.0, self._seconds_left()) + grace)
        except TimeoutError:
            if self._is_stuck():
                self.fail(UserError("The model hangs: start the bot again."))
            elif self._cancelled or self._seconds_left() <= 0:  # else the deadlines began anew
                self.abort("cancelled" if self._cancelled else "deadline")

    def _seconds_left(self) -> float:
        request = self.request
        seconds = request.deadline
        if self._is_paused:
            return seconds
        if not (self._has_first_piece or self._has_begun):
            seconds = min(request.first_deadline, seconds)
        return self.submitted_at + seconds - monotonic()

    def _notify(self) -> None:
        with self._lock:
            if self._wake_scheduled:
                return
            self._wake_scheduled = True
        try:
            self._loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:  # the event loop is closed: no caller reads the stream any more
            self._cancelled = True

    def _partial_answer(self, candidate: int, finish: Finish) -> Answer:
        unread = [piece for piece in tuple(self._pieces) if piece.candidate == candidate]
        text = _joined([Piece("".join(self._read[candidate])), *unread]).text
        total = monotonic() - self.submitted_at
        return Answer(text, len(self.request.ids), 0, finish, Timings(total, total, total))


def _joined(pieces: Sequence[Piece]) -> Piece:
    """Return one piece that does what those of one candidate do one after the other."""
    if any(piece.replaces for piece in pieces):
        return reduce(_joined_pair, pieces)
    tokens = tuple(token for piece in pieces for token in piece.tokens)
    return Piece("".join(piece.text for piece in pieces), pieces[0].candidate, tokens)


def _joined_pair(first: Piece, second: Piece) -> Piece:
    """As `_joined`, of pieces without tokens."""
    replaces = first.replaces + max(0, second.replaces - len(first.text))
    return Piece(second.added_to(first.text), first.candidate, replaces=replaces)
