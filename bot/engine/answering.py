"""One request from its prompt to its answers: read, then draw, show and step until every candidate ended."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from bot.engine.engine import Answer, Finish, Piece, Timings
from bot.engine.generation import LocalGeneration
from bot.engine.stream import Text
from bot.errors import UserError

if TYPE_CHECKING:
    from bot.engine.cache import Rows
    from bot.engine.sampling import Sampler


@dataclass(slots=True)
class Candidate:
    """One answer as it grows."""

    text: Text
    tokens: int = 0
    finish: Finish | None = None


class Answering:
    """The course of one request on the engine's thread."""

    def __init__(
        self, generation: LocalGeneration, spell: Callable[[int], bytes], end: Collection[int], limit: int
    ):
        """`limit` is the most tokens an answer may have."""
        self._generation = generation
        self._request = generation.request
        self._end = end
        self._limit = limit
        self._candidates = [Candidate(Text(spell, self._request.stop)) for _ in range(self._request.n)]
        self._started = monotonic()
        self._first = 0.0
        self.tokens = 0

    def run(self, rows: "Rows", sampler: "Sampler", between: Callable[[], None]) -> tuple[Answer, ...]:
        """Answer; `between` is called before every forward pass."""

        def unwanted() -> bool:
            between()
            return self._generation.unwanted() is not None

        logits = rows.read(self._request.ids, unwanted)
        if logits is not None:
            rows.fork(self._request.n)
            live = list(range(self._request.n))
            while live:
                tokens = sampler.draw(logits.expand(len(live), -1))
                going = [
                    place
                    for place, (row, token) in enumerate(zip(live, tokens, strict=True))
                    if self._take(row, token)
                ]
                if not going or unwanted():
                    break
                if len(going) < len(live):
                    rows.keep(going)
                    sampler.keep(going)
                    live = [live[place] for place in going]
                logits = rows.step([token for place in going if (token := tokens[place]) is not None])
        return self._close()

    def _take(self, row: int, token: int | None) -> bool:
        """Add a token to a candidate; returns whether it goes on."""
        candidate = self._candidates[row]
        if token is None:
            raise UserError(
                "The model's output is not a number: choose another [model] precision, or another adapter."
            )
        self._first = self._first or monotonic()
        if token in self._end:
            candidate.finish = "stop"
            return False
        candidate.tokens += 1
        self.tokens += 1
        self._show(row, candidate.text.push(token))
        if candidate.text.stopped:
            candidate.finish = "stop"
        elif candidate.tokens >= self._limit:
            candidate.finish = "length"
        return candidate.finish is None

    def _close(self) -> tuple[Answer, ...]:
        """End what has not ended, and show what was held back."""
        finish = self._generation.unwanted() or "length"
        for row, candidate in enumerate(self._candidates):
            candidate.finish = candidate.finish or finish
            if not candidate.text.stopped:
                self._show(row, candidate.text.flush())
        now, submitted = monotonic(), self._generation.submitted
        timings = Timings(self._started - submitted, (self._first or now) - submitted, now - submitted)
        return tuple(self._answer(candidate, timings) for candidate in self._candidates)

    def _answer(self, candidate: Candidate, timings: Timings) -> Answer:
        assert candidate.finish is not None
        prompt = len(self._request.ids)
        return Answer(candidate.text.shown, prompt, candidate.tokens, candidate.finish, timings)

    def _show(self, row: int, text: str) -> None:
        if text:
            self._generation.push(Piece(text, row))
