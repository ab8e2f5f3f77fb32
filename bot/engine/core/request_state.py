"""One request from its prompt to its answers: what it has read, its rows, and the text of every candidate."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from bot.engine.core.detokenizer import Detokenizer
from bot.engine.core.output_stream import OutputStream
from bot.engine.interface import Answer, Finish, Piece, Timings
from bot.errors import UserError

if TYPE_CHECKING:
    from bot.engine.attention.kv_slab import KVSlot
    from bot.engine.lora.active import LoadedAdapter


@dataclass(slots=True)
class TokenSequence:
    """One answer as it grows: its row and its place among the dice, until it ends."""

    text: Detokenizer
    row: "KVSlot"
    dice: int
    tokens: list[int]
    finish: Finish | None = None


class RunningRequest:
    """A request that runs, on the engine's thread."""

    def __init__(
        self,
        generation: OutputStream,
        known: "LoadedAdapter | None",
        spell: Callable[[int], bytes],
        end: Collection[int],
        limit: int,
    ):
        """`limit` is the most tokens an answer may have."""
        self.generation = generation
        self.request = generation.request
        self.known = known
        self.end, self.limit = end, limit
        self.failed = False
        self.passed = 0  # steps in which others' prompts were read
        self.candidates: list[TokenSequence] = []
        self._spell = spell
        self._started = monotonic()
        self._first = 0.0

    def begin(self, rows: "Sequence[KVSlot]", dice: Sequence[int]) -> None:
        """Take the rows that the candidates will have; the prompt is read in the first one."""
        self.candidates = [
            TokenSequence(Detokenizer(self._spell, self.request.stop), row, number, [])
            for row, number in zip(rows, dice, strict=True)
        ]

    @property
    def row(self) -> "KVSlot":
        """The row of the prompt, and of the first candidate."""
        return self.candidates[0].row

    @property
    def doubtful(self) -> bool:
        """Whether its keys and values may be no numbers: each token that was drawn shows that they are."""
        return self.failed or not self._first

    @property
    def touched(self) -> int:
        """How many first tokens of its rows may have been written, by a step that failed too."""
        return max(len(self.request.ids), max(candidate.row.length for candidate in self.candidates) + 1)

    @property
    def left(self) -> int:
        """Tokens of the prompt that are still to be read."""
        return max(0, len(self.request.ids) - self.row.length)

    @property
    def going(self) -> list[TokenSequence]:
        """The candidates that have not ended."""
        return [candidate for candidate in self.candidates if candidate.finish is None]

    def take(self, candidate: TokenSequence, token: int | None) -> None:
        """Add a token to a candidate, and show what is certain of it; raises `UserError` without a number."""
        if token is None:
            raise UserError(
                "The model's output is not a number: choose another [model] precision, or another adapter."
            )
        self._first = self._first or monotonic()
        if token in self.end:
            candidate.finish = "stop"
            return
        candidate.tokens.append(token)
        self._show(candidate, candidate.text.push(token))
        if candidate.text.stopped:
            candidate.finish = "stop"
        elif len(candidate.tokens) >= self.limit:
            candidate.finish = "length"

    def close(self) -> tuple[Answer, ...]:
        """End what has not ended, and show what was held back."""
        finish = self.generation.unwanted() or "length"
        for candidate in self.candidates:
            candidate.finish = candidate.finish or finish
            if not candidate.text.stopped:
                self._show(candidate, candidate.text.flush())
        now, submitted = monotonic(), self.generation.submitted
        timings = Timings(self._started - submitted, (self._first or now) - submitted, now - submitted)
        return tuple(self._answer(candidate, timings) for candidate in self.candidates)

    @property
    def first_token(self) -> float | None:
        """Seconds from submission to the first token, once there is one."""
        return self._first - self.generation.submitted if self._first else None

    def _answer(self, candidate: TokenSequence, timings: Timings) -> Answer:
        assert candidate.finish is not None
        prompt = len(self.request.ids)
        return Answer(candidate.text.shown, prompt, len(candidate.tokens), candidate.finish, timings)

    def _show(self, candidate: TokenSequence, text: str) -> None:
        if text:
            self.generation.push(Piece(text, self.candidates.index(candidate)))


def unanswered(generation: OutputStream, finish: Finish) -> tuple[Answer, ...]:
    """The answers of a request that left the queue without having run."""
    total = monotonic() - generation.submitted
    one = Answer("", len(generation.request.ids), 0, finish, Timings(total, total, total))
    return (one,) * generation.request.n
