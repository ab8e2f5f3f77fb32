"""State of a running request: its sequences, their tokens and text, and how each of them ended."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING

from bot.engine.core.detokenizer import Detokenizer
from bot.engine.core.output_stream import OutputStream
from bot.engine.core.thoughts import ThoughtTokens
from bot.engine.interface import Answer, Finish, Piece, Timings, TokenLogprob
from bot.engine.sampling.logprobs import StepLogprobs
from bot.errors import UserError
from bot.prompt.thoughts import END

if TYPE_CHECKING:
    from bot.engine.attention.kv_slab import KVSlot
    from bot.engine.lora.active import LoadedAdapter


@dataclass(slots=True)
class TokenSequence:
    """One candidate of a request: KV slot, sampler slot, tokens and text. `finish` is set when it ends."""

    detokenizer: Detokenizer
    kv_slot: "KVSlot"
    sampler_slot: int
    tokens: list[int]
    finish: Finish | None = None
    closing_ids: tuple[int, ...] = ()  # that the sampler must give next, to close a thought
    closing_left: int = 0  # those of them that have not come
    checked: int = 0  # tokens of the KV slot that a token sampled behind them showed to hold numbers

    def copy(self) -> "TokenSequence":
        """Return one in the same slots, whose tokens and text go on by themselves."""
        return replace(self, detokenizer=self.detokenizer.copy(), tokens=self.tokens.copy())


class RunningRequest:
    """A running request. Belongs to the engine's thread."""

    def __init__(
        self,
        stream: OutputStream,
        adapter: "LoadedAdapter | None",
        thoughts: ThoughtTokens,
        stop_ids: Collection[int],
        max_tokens: int,
        thinking_tokens: int = 0,
    ):
        """`max_tokens` is the most tokens of an answer, and `thinking_tokens` of a thought beside it."""
        self.stream = stream
        self.request = stream.request
        self.adapter = adapter
        self.stop_ids, self._max_tokens, self._thinking_tokens = stop_ids, max_tokens, thinking_tokens
        self.failed = False
        self.skipped_steps = 0  # steps in which only prompts of other requests were prefilled
        self.sequences: list[TokenSequence] = []
        self._thoughts = thoughts
        self._started_at = monotonic()
        self._first_token_at = 0.0

    def start(self, kv_slots: "Sequence[KVSlot]", sampler_slots: Sequence[int]) -> None:
        """Begin a sequence for each candidate; the prompt is prefilled in the first one's KV slot."""
        thoughts, stop = self._thoughts, (*self.request.stop, *self.request.spelt_ends)
        opened, is_expected = thoughts.opened_by(self.request.ids), self.request.thinking_budget > 0

        def detokenizer() -> Detokenizer:
            return Detokenizer(
                thoughts.decode_bytes,
                stop,
                thoughts.marks,
                opened,
                expects_thought=is_expected,
                tells_tokens=self.request.logprobs is not None,
            )

        self.sequences = [
            TokenSequence(detokenizer(), kv_slot, sampler_slot, [])
            for kv_slot, sampler_slot in zip(kv_slots, sampler_slots, strict=True)
        ]

    def most_tokens(self, sequence: TokenSequence) -> int:
        """Return the most tokens of a sequence: a thought may take those beside the answer's own."""
        detokenizer, most = sequence.detokenizer, self._max_tokens + self._thinking_tokens
        if detokenizer.thought_closing is not None:
            return most
        return min(most, self._max_tokens + detokenizer.thought_tokens)

    @property
    def prompt_slot(self) -> "KVSlot":
        """The KV slot of the prompt, and of the first candidate."""
        return self.sequences[0].kv_slot

    @property
    def may_hold_nan(self) -> bool:
        """True while its keys and values may hold NaN: a sampled token shows that they do not."""
        return self.failed or not self._first_token_at

    def unchecked(self, sequence: TokenSequence) -> range:
        """Return the tokens of a sequence's KV slot whose keys and values may be NaN.

        A step that was launched ahead wrote some that no token was read for.
        """
        if self.may_hold_nan:
            return range(self.written_tokens)
        return range(sequence.checked, sequence.kv_slot.length)

    @property
    def written_tokens(self) -> int:
        """The most tokens of its KV slots that may have been written, by a failed step too."""
        return max(len(self.request.ids), max(sequence.kv_slot.length for sequence in self.sequences) + 1)

    @property
    def prefill_remaining(self) -> int:
        """Prompt tokens still to prefill; 0 while the request decodes."""
        return max(0, len(self.request.ids) - self.prompt_slot.length)

    @property
    def unfinished(self) -> list[TokenSequence]:
        """Sequences that still decode."""
        return [sequence for sequence in self.sequences if sequence.finish is None]

    def append_token(
        self, sequence: TokenSequence, token: int | None, logprobs: StepLogprobs | None = None
    ) -> None:
        """Append a sampled token and publish text that is certain; None stands for logits without a number.

        `logprobs` are those of the token's step where the request wants them. Raises `UserError` for None.
        """
        if token is None:
            raise no_number()
        self._first_token_at = self._first_token_at or monotonic()
        told = self._told(token, logprobs) if logprobs else None
        self._publish(sequence, self._extend(sequence, token, told))

    def _extend(self, sequence: TokenSequence, token: int, told: TokenLogprob | None = None) -> str:
        """Add a token to a sequence, or end it; return text that is certain."""
        detokenizer = sequence.detokenizer
        if token in self.stop_ids and not detokenizer.closes_thought(token):
            sequence.finish = "stop"
            return ""
        sequence.tokens.append(token)
        sequence.closing_left = max(0, sequence.closing_left - 1)
        text = detokenizer.push(token, told)
        if detokenizer.stopped:
            sequence.finish = "stop"
        elif len(sequence.tokens) >= self.most_tokens(sequence):
            sequence.finish = "length"
        elif (closing := detokenizer.thought_closing) is not None:
            self._bound_thought(sequence, closing)
        return text

    def _bound_thought(self, sequence: TokenSequence, closing: str) -> None:
        """Close a thought that has used its tokens up; whoever waits for a first word sees that it grows."""
        self.stream.begin()
        ids = self._thoughts.closing_ids(closing or END)
        left = self._thinking_tokens - sequence.detokenizer.thought_tokens
        if self._thinking_tokens and left <= len(ids) and not sequence.closing_left:
            sequence.closing_ids, sequence.closing_left = ids, len(ids)

    def finish(self) -> tuple[Answer, ...]:
        """End sequences that still decode, publish text kept back, and return an answer per candidate."""
        reason = self.stream.abort_reason() or "length"
        for sequence in self.sequences:
            sequence.finish = sequence.finish or reason
            if not sequence.detokenizer.stopped:
                self._publish(sequence, sequence.detokenizer.flush())
        return tuple(map(self._answer, self.sequences))

    @property
    def first_token_seconds(self) -> float | None:
        """Seconds from submission to the first token; None before that."""
        return self._first_token_at - self.stream.submitted_at if self._first_token_at else None

    def _answer(self, sequence: TokenSequence) -> Answer:
        assert sequence.finish is not None
        now, submitted = monotonic(), self.stream.submitted_at
        first_token = (self._first_token_at or now) - submitted
        timings = Timings(self._started_at - submitted, first_token, now - submitted)
        prompt_tokens, tokens = len(self.request.ids), len(sequence.tokens)
        detokenizer = sequence.detokenizer
        return Answer(
            detokenizer.text,
            prompt_tokens,
            tokens,
            sequence.finish,
            timings,
            detokenizer.thought_tokens,
            detokenizer.thought_closing is not None,
        )

    def _publish(self, sequence: TokenSequence, text: str) -> None:
        if text:
            candidate = self.sequences.index(sequence)
            self.stream.push(Piece(text, candidate, sequence.detokenizer.take_tokens()))

    def _told(self, token: int, logprobs: StepLogprobs) -> TokenLogprob:
        decode_bytes = self._thoughts.decode_bytes
        likeliest = tuple(
            TokenLogprob(each, decode_bytes(each), logprob) for each, logprob in logprobs.likeliest
        )
        return TokenLogprob(token, decode_bytes(token), logprobs.drawn, likeliest)


def no_number() -> UserError:
    """Return the error for logits without a number."""
    return UserError(
        "The model's output is not a number: choose another [model] precision, or another adapter."
    )


def answers_without_run(stream: OutputStream, finish: Finish) -> tuple[Answer, ...]:
    """Return empty answers for a request that left the queue without having run."""
    total = monotonic() - stream.submitted_at
    empty = Answer("", len(stream.request.ids), 0, finish, Timings(total, total, total))
    return (empty,) * stream.request.n
