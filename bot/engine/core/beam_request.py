"""A running request that is answered by beam search: its beams, the texts that ended, the best one so far."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from torch import Tensor

from bot.engine.core.output_stream import OutputStream
from bot.engine.core.request_state import RunningRequest, TokenSequence, no_number
from bot.engine.core.thoughts import ThoughtTokens
from bot.engine.interface import Answer, Piece
from bot.engine.sampling.beam_scores import Beam, BeamScores
from bot.engine.sampling.beam_search import Continuation, Scored, best_ended, choose, final_score, is_over
from bot.token_prefix import common_prefix

if TYPE_CHECKING:
    from bot.engine.attention.kv_slab import KVSlot
    from bot.engine.lora.active import LoadedAdapter

CopySlot = Callable[["KVSlot", "KVSlot", int], None]  # from a slot to one that holds the same first tokens


@dataclass(frozen=True, slots=True)
class _Grown:
    """A beam with a further token; `row` is its parent's among the request's sequences."""

    row: int
    sequence: TokenSequence
    score: float


class BeamRequest(RunningRequest):
    """As `RunningRequest`; its sequences are the rows of the search, and those that run are its beams.

    A row whose beam has ended, or was worse than others, waits until a beam has two continuations: then it
    gets a copy of that beam's keys and values. Sampler slots stay unused.
    """

    def __init__(
        self,
        stream: OutputStream,
        adapter: "LoadedAdapter | None",
        thoughts: ThoughtTokens,
        stop_ids: Collection[int],
        max_tokens: int,
        thinking_tokens: int = 0,
    ) -> None:
        super().__init__(stream, adapter, thoughts, stop_ids, max_tokens, thinking_tokens)
        self._scores = BeamScores(self.request, stop_ids)
        self._beams: list[tuple[int, float]] = [(0, 0.0)]  # rows and sums of log probabilities, best first
        self._ended: list[Scored[TokenSequence]] = []
        self._shown = ""

    @property
    def beam_sequences(self) -> list[TokenSequence]:
        """The beams, best first; before the first step, the sequence of the prompt."""
        return [self.sequences[row] for row, _ in self._beams]

    def continuations(self, logits: Tensor) -> list[Continuation] | None:
        """Return the best continuations from logits of `beam_sequences`; None where they are no numbers.

        It changes nothing: the step may be repeated.
        """
        beams = [
            Beam(sequence.tokens, score, next(iter(sequence.closing_ids), None))
            for sequence, (_, score) in zip(self.beam_sequences, self._beams, strict=True)
        ]
        return self._scores.continuations(logits, beams)

    def grow(self, continuations: Sequence[Continuation] | None, copy_slot: CopySlot) -> None:
        """Go on with the best continuations, and publish the best text so far.

        Raises `UserError` where there is none.
        """
        if not continuations:
            raise no_number()
        self._first_token_at = self._first_token_at or monotonic()
        for beam in self.beam_sequences:
            beam.checked = beam.kv_slot.length
        width = self.request.beams
        running, ended = choose(
            map(self._grown, continuations), width, lambda each: bool(each.sequence.finish)
        )
        self._ended = best_ended((*self._ended, *map(self._final, ended)), width)
        over = is_over(self._ended, self._final(running[0]).score if running else None, width)
        self._place([] if over else running, copy_slot)
        self._show(self._best().detokenizer.text)

    def finish(self) -> tuple[Answer, ...]:
        """End the search; return the best answer so far."""
        best, reason = self._best(), self.stream.abort_reason()
        if self.unfinished:
            best.finish = reason or "length"
        if not best.detokenizer.stopped:
            best.detokenizer.flush()
        self._show(best.detokenizer.text)
        return (self._answer(best),)

    def _grown(self, continuation: Continuation) -> _Grown:
        row, _ = self._beams[continuation.beam]
        sequence = self.sequences[row].copy()
        sequence.closing_ids = sequence.closing_ids[1:]
        self._extend(sequence, continuation.token)
        if sequence.finish and not sequence.detokenizer.stopped:
            sequence.detokenizer.flush()
        return _Grown(row, sequence, continuation.score)

    def _final(self, grown: _Grown) -> Scored[TokenSequence]:
        """Return a grown beam with the score that it has if it ends here, its stop id counted."""
        length = len(self.sequences[grown.row].tokens) + 1
        return Scored(final_score(grown.score, length, self.request.length_penalty), grown.sequence)

    def _place(self, running: Sequence[_Grown], copy_slot: CopySlot) -> None:
        """Give each beam a row: the first one of a parent its parent's, others rows that no beam has.

        Rows without a beam keep their tokens, which tell what their keys and values are of.
        """
        children: dict[int, _Grown] = {}
        further = [each for each in running if children.setdefault(each.row, each) is not each]
        free = [row for row in range(len(self.sequences)) if row not in children]
        for grown, row in zip(further, free, strict=False):
            self._copy_parent(self.sequences[grown.row], self.sequences[row], copy_slot)
            children[row] = grown
        for row in set(range(len(self.sequences))) - set(children):
            self.sequences[row].finish = "stop"
        for row, grown in children.items():
            grown.sequence.kv_slot = self.sequences[row].kv_slot
            grown.sequence.sampler_slot = self.sequences[row].sampler_slot
            self.sequences[row] = grown.sequence
        rows = {id(grown): row for row, grown in children.items()}
        self._beams = [(rows[id(grown)], grown.score) for grown in running]

    def _copy_parent(self, parent: TokenSequence, target: TokenSequence, copy_slot: CopySlot) -> None:
        """Copy the keys and values of a parent that the target's slot does not hold."""
        same = len(self.request.ids) + common_prefix(parent.tokens, target.tokens)
        copy_slot(parent.kv_slot, target.kv_slot, min(same, target.kv_slot.length))

    def _best(self) -> TokenSequence:
        """Return the best sequence so far: of a search that is over, the best that ended."""
        running = [
            Scored(final_score(score, len(self.sequences[row].tokens), self.request.length_penalty), row)
            for row, score in self._beams[:1]
            if self.sequences[row].tokens
        ]
        if not running:
            return self._ended[0].candidate if self._ended else self.sequences[0]
        row = running[0]
        if self._ended and self._ended[0].score >= row.score:
            return self._ended[0].candidate
        return self.sequences[row.candidate]

    def _show(self, text: str) -> None:
        """Publish a text in place of the one that was published before."""
        if text != self._shown:
            kept = common_prefix(self._shown, text)
            self.stream.push(Piece(text[kept:], replaces=len(self._shown) - kept))
            self._shown = text
