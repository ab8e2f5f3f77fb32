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

    detokenizer: Detokenizer
    kv_slot: "KVSlot"
    sampler_slot: int
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
        self.stream = generation
        self.request = generation.request
        self.adapter = known
        self.stop_ids, self.max_tokens = end, limit
        self.failed = False
        self.skipped_steps = 0  # steps in which others' prompts were read
        self.sequences: list[TokenSequence] = []
        self._spell = spell
        self._started = monotonic()
        self._first = 0.0

    def start(self, rows: "Sequence[KVSlot]", dice: Sequence[int]) -> None:
        """Take the rows that the candidates will have; the prompt is read in the first one."""
        self.sequences = [
            TokenSequence(Detokenizer(self._spell, self.request.stop), row, number, [])
            for row, number in zip(rows, dice, strict=True)
        ]

    @property
    def prompt_slot(self) -> "KVSlot":
        """The row of the prompt, and of the first candidate."""
        return self.sequences[0].kv_slot

    @property
    def may_hold_nan(self) -> bool:
        """Whether its keys and values may be no numbers: each token that was drawn shows that they are."""
        return self.failed or not self._first

    @property
    def written_tokens(self) -> int:
        """How many first tokens of its rows may have been written, by a step that failed too."""
        return max(len(self.request.ids), max(candidate.kv_slot.length for candidate in self.sequences) + 1)

    @property
    def prefill_remaining(self) -> int:
        """Tokens of the prompt that are still to be read."""
        return max(0, len(self.request.ids) - self.prompt_slot.length)

    @property
    def unfinished(self) -> list[TokenSequence]:
        """The candidates that have not ended."""
        return [candidate for candidate in self.sequences if candidate.finish is None]

    def append_token(self, candidate: TokenSequence, token: int | None) -> None:
        """Add a token to a candidate, and show what is certain of it; raises `UserError` without a number."""
        if token is None:
            raise UserError(
                "The model's output is not a number: choose another [model] precision, or another adapter."
            )
        self._first = self._first or monotonic()
        if token in self.stop_ids:
            candidate.finish = "stop"
            return
        candidate.tokens.append(token)
        self._show(candidate, candidate.detokenizer.push(token))
        if candidate.detokenizer.stopped:
            candidate.finish = "stop"
        elif len(candidate.tokens) >= self.max_tokens:
            candidate.finish = "length"

    def finish(self) -> tuple[Answer, ...]:
        """End what has not ended, and show what was held back."""
        finish = self.stream.abort_reason() or "length"
        for candidate in self.sequences:
            candidate.finish = candidate.finish or finish
            if not candidate.detokenizer.stopped:
                self._show(candidate, candidate.detokenizer.flush())
        now, submitted = monotonic(), self.stream.submitted_at
        timings = Timings(self._started - submitted, (self._first or now) - submitted, now - submitted)
        return tuple(self._answer(candidate, timings) for candidate in self.sequences)

    @property
    def first_token_seconds(self) -> float | None:
        """Seconds from submission to the first token, once there is one."""
        return self._first - self.stream.submitted_at if self._first else None

    def _answer(self, candidate: TokenSequence, timings: Timings) -> Answer:
        assert candidate.finish is not None
        prompt = len(self.request.ids)
        return Answer(candidate.detokenizer.text, prompt, len(candidate.tokens), candidate.finish, timings)

    def _show(self, candidate: TokenSequence, text: str) -> None:
        if text:
            self.stream.push(Piece(text, self.sequences.index(candidate)))


def answers_without_run(generation: OutputStream, finish: Finish) -> tuple[Answer, ...]:
    """The answers of a request that left the queue without having run."""
    total = monotonic() - generation.submitted_at
    one = Answer("", len(generation.request.ids), 0, finish, Timings(total, total, total))
    return (one,) * generation.request.n
