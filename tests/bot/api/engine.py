"""A scripted engine with candidates, tokens with logprobs, and a state that tests set."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from bot.engine.interface import Answer, Finish, Piece, Request, Status, Timings, TokenLogprob
from tests.fakes.model import ScriptedEngine

Script = Sequence[Piece | Exception | Finish]


class PieceGeneration:
    """Gives the pieces of a script; a string in it is the finish of all candidates."""

    def __init__(self, engine: "PieceEngine", request: Request, script: Script) -> None:
        self._engine, self._request, self._script = engine, request, script
        self.is_cancelled, self._cancelled = False, asyncio.Event()
        self.answers: tuple[Answer, ...] = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def cancel(self) -> None:
        self.is_cancelled = self.is_cancelled or not self.answers
        self._cancelled.set()

    async def __aiter__(self) -> AsyncIterator[Piece]:
        texts, tokens, finish = [""] * self._request.n, 0, "stop"
        for each in self._script:
            await self._held()
            if self.is_cancelled:
                finish = "cancelled"
                break
            if isinstance(each, Exception):
                raise each
            if isinstance(each, str):
                finish = each
                continue
            texts[each.candidate] = each.added_to(texts[each.candidate])
            tokens += 1
            yield each
        count, timings = len(self._request.ids), Timings(0.0, 0.0, 0.0)
        self.answers = tuple(
            Answer(text, count, tokens if at == 0 else 0, finish, timings)  # type: ignore[arg-type]
            for at, text in enumerate(texts)
        )

    async def _held(self) -> None:
        """Wait for the engine's `hold`, but no longer than until this is cancelled."""
        await asyncio.sleep(0)
        if not self._engine.hold:
            return
        self._engine.holding.set()
        waits = [asyncio.create_task(event.wait()) for event in (self._engine.hold, self._cancelled)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


class PieceEngine(ScriptedEngine):
    """Answers from scripts of pieces, then "Answer N." in words to every candidate."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[Script] = []
        self.generations: list[PieceGeneration] = []
        self.state = "ready"
        self.loaded_model: asyncio.Event | None = None  # `ready` waits for it

    async def ready(self) -> None:
        if self.loaded_model:
            await self.loaded_model.wait()
        await super().ready()

    def generate(self, request: Request) -> PieceGeneration:  # type: ignore[override]
        self.requests.append(request)
        words = ("Answer ", f"{len(self.requests)}.")
        usual = [Piece(word, at) for word in words for at in range(request.n)]
        script = self.scripts.pop(0) if self.scripts else usual
        self.generations.append(PieceGeneration(self, request, script))
        return self.generations[-1]

    def status(self) -> Status:
        return replace(super().status(), state=self.state)  # type: ignore[arg-type]


def says(*texts: str) -> list[Piece]:
    """Return pieces of one candidate."""
    return [Piece(text) for text in texts]


def token(text: str, logprob: float = -0.5, *likeliest: TokenLogprob) -> TokenLogprob:
    """Return a token whose id is the length of its text."""
    return TokenLogprob(len(text), text.encode(), logprob, likeliest)
