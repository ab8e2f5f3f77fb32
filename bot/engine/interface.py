"""The engine's interface: a Request goes in, Pieces come out, an Answer per candidate follows.

Nothing here loads a model. Order of events, for one request:

1. `Engine.generate(request)` queues the request and returns a `Generation` at once.
2. The request is admitted when there is room; waiting for the model to load counts as waiting.
3. `async for piece in generation` yields text as it is decoded, the candidates' pieces interleaved.
4. The iteration ends, and `Generation.answers` holds one `Answer` per candidate; or the iteration raises.

Token counts are ids of the base model's tokenizer; times are seconds; sizes are bytes.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from bot.adapter.choice import AdapterChoice
from bot.message import Place
from bot.persona.persona import Sampling
from bot.prompt.builder import Tokenizer

MAX_BIASES = 1_024  # token ids with a bias
MAX_BIAS = 100.0
MAX_LOGPROBS = 20  # likeliest tokens of a step
MAX_BEAMS = 8
MAX_LENGTH_PENALTY = 10.0

# stop: a stop id or stop string; length: `max_tokens` or the context is full; cancelled: `cancel` or the
# engine was left; deadline: `first_deadline` or `deadline` passed.
Finish = Literal["stop", "length", "cancelled", "deadline"]


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to answer `n` times, or once by beam search, under one adapter or none.

    `stop_ids` (when empty: the model's own end ids) and `stop` end an answer and are no part of it; nor
    is a thought, which may take `thinking_budget` tokens beside `max_tokens`, and is closed then.
    `first_deadline` and `deadline` are seconds from submission to the first piece and to the end; when one
    passes, the answer ends with the text so far.

    A step's logits get the biases first, then the repetition penalty, then those of presence and frequency,
    over the tokens of thought and answer alone, as vLLM and OpenAI have them; last comes the temperature.
    All penalties leave `spared` ids alone, and stop ids of the prompt; one that an answer holds ends it.

    With several `beams` the answer is that of transformers' `generate` with `num_beams`, `length_penalty`,
    `do_sample=False` and `early_stopping=False`: of the texts that ended, the one with the largest sum of
    log probabilities / tokens ** `length_penalty`, its stop id counted. Biases and penalties change the log
    probabilities, by each beam's own tokens; temperature, top-k, top-p, min-p and seed play no part. Tokens
    of a thought count as others do. `beams` go with neither `n` above 1 nor `logprobs`.
    """

    ids: tuple[int, ...]  # the prompt's token ids, at least one and fewer than the context
    sampling: Sampling
    adapter: str | None = None  # the name of an adapter that `Engine.add_adapter` registered
    strength: float = 1.0  # scales the adapter, 0 to 1.5
    place: Place | None = None  # the chat whose keys and values may be reused; None: no chat's
    shared: int = 0  # first tokens of `ids` without anything of the place, which other places may reuse
    stop_ids: frozenset[int] = frozenset()
    stop: tuple[str, ...] = ()  # stop strings
    spelt_ends: tuple[str, ...] = ()  # further ones: stop ids as text
    spared: frozenset[int] = frozenset()  # ids that no penalty changes, beside those that stop
    thinking_budget: int = 0  # tokens; 0: a thought takes those of the answer
    seed: int | None = None  # of the draws; None: one that nobody can foresee
    n: int = 1  # candidates
    beams: int = 1  # sequences that grow side by side towards one answer, up to `MAX_BEAMS`; 1: no search
    # of beams: above 0 for longer answers, below for shorter; from -`MAX_LENGTH_PENALTY` to that
    length_penalty: float = 1.0
    # added to the logits of these ids, `MAX_BIASES` at most: from -`MAX_BIAS` to `MAX_BIAS`
    logit_bias: Mapping[int, float] = field(default_factory=dict, hash=False)
    # the count of likeliest tokens told with each drawn one, up to `MAX_LOGPROBS`; None: none of both
    logprobs: int | None = None
    first_deadline: float = 60.0  # seconds
    deadline: float = 300.0  # seconds

    @property
    def rows(self) -> int:
        """The sequences that run at once for it: its candidates, or its beams."""
        return max(self.n, self.beams)


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token, and the natural logarithm of its probability by the model alone.

    That is before temperature, penalties, biases and cuts. `text` may end inside a character, as bytes do,
    and is empty for a special token.
    """

    id: int
    text: bytes
    logprob: float
    likeliest: tuple["TokenLogprob", ...] = ()  # of its step, best first; () within another one


@dataclass(frozen=True, slots=True)
class Piece:
    """The next characters of one candidate: whole characters, and no part of a thought or a stop string.

    With beams it leads from the best text so far to the best one now, which may differ anywhere: `text` takes
    the place of the last `replaces` characters, and may be empty. Without beams `replaces` is 0.

    With `Request.logprobs`, the bytes of all tokens of a candidate make its text. Bytes that are no UTF-8
    stay in `TokenLogprob.text` and are U+FFFD here. Tokens without a byte of the answer are not told; of one
    that begins in a thought, or in the blanks behind it, `TokenLogprob.text` has the answer's bytes alone. A
    token that a stop string cuts, or an end inside a character, is not told: its first characters are in the
    last piece, and in no token.
    """

    text: str
    candidate: int = 0  # 0 to `n` - 1
    tokens: tuple[TokenLogprob, ...] = ()  # those whose characters end in this text
    replaces: int = 0  # last characters of the candidate's text so far that this text takes the place of

    def added_to(self, so_far: str) -> str:
        """Return the candidate's text with this piece, from its text so far."""
        return so_far[: max(0, len(so_far) - self.replaces)] + self.text


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds from submission: until the request left the queue, until its first token, until its end."""

    queued: float
    first_token: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished candidate; its text equals its joined pieces, `tokens` are of the best beam alone."""

    text: str
    prompt_tokens: int
    tokens: int  # of thought and answer; 0 where the event loop had to end the request itself
    finish: Finish
    timings: Timings
    thought_tokens: int = 0
    in_thought: bool = False  # it ended inside a thought


class Generation(Protocol):
    """A submitted request: iterate for pieces, then read `answers`. Leaving `async with` early cancels it.

    The iteration raises `UserError` for errors that a person can mend (no such adapter, prompt longer than
    the context, not enough memory, model not loaded), `RestartNeeded` where the next process can answer,
    `ValueError` for ids outside the vocabulary, for biases, beams or a count of logprobs outside their
    limits, and any other error of the model as it is.
    """

    def __aiter__(self) -> AsyncIterator[Piece]: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def cancel(self) -> None:
        """Stop within one step; the iteration then ends and the answers' finish is "cancelled"."""

    @property
    def answers(self) -> tuple[Answer, ...]:
        """One answer per candidate, after the last piece; raises `RuntimeError` before."""


@dataclass(frozen=True, slots=True)
class Status:
    """State of the engine, for `/status` and `doctor`."""

    # stuck: a step hangs; restarting: the device was lost, and the model is loaded again
    state: Literal["loading", "ready", "stuck", "restarting", "failed", "stopped"]
    model: str
    weights: str = ""  # how they are held, such as "nf4" or "4.9 bits (Q4_K, Q6_K)"
    running: int = 0  # requests
    queued: int = 0  # requests
    answered: int = 0  # requests that ended without an error, since the start
    tokens_per_second: float = 0.0  # of all answers together, over the last 10 seconds
    adapters: tuple[str, ...] = field(default=())  # names of the registered ones
    error: str = ""  # of a failed load
    stage: str = ""  # of loading, in a few words
    context: int = 0  # tokens of prompt and answer; certain as soon as the tokenizer is read
    rows: int = 0  # sequences that run; a request has one for each candidate
    first_token: tuple[float, float] = (0.0, 0.0)  # seconds to it, of the latest 200 requests: p50 and p95
    hit_rate: float = 0.0  # share of all prompt tokens that were found in the prefix cache, 0 to 1
    prompt_tokens: int = 0  # of all prompts, since the start
    reused_tokens: int = 0  # those of them that were found in the prefix cache
    drawn_tokens: int = 0  # of all answers and thoughts, since the start
    memory: Mapping[str, int] = field(default_factory=dict)  # bytes by part


class Engine(Protocol):
    """A base model that answers requests. Enter it to start, leave it to stop; a left engine stays stopped.

    Once it was left, methods that need the model raise `UserError`.
    """

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def tokenizer(self) -> Tokenizer:
        """Return the base model's tokenizer, as soon as it is read; raises `UserError` without a model."""

    async def ready(self) -> None:
        """Return when the model is loaded; raises `UserError` when it could not be loaded."""

    async def lost(self) -> None:
        """Wait until the engine, once ready, cannot go on in this process; then raises `RestartNeeded`."""

    def generate(self, request: Request) -> Generation:
        """Queue the request, before the model is loaded too. Raises nothing; errors come by the iteration."""

    async def choose_adapter(self, persona: str, folders: Sequence[Path]) -> AdapterChoice:
        """Choose among a persona's adapters by the base model, once it is loaded; no weights are read.

        Raises `UserError` without a model.
        """

    async def add_adapter(self, name: str, folder: Path) -> None:
        """Validate and register a PEFT adapter, in place of one of that name, once the model is loaded.

        Running requests keep the old adapter. Raises `UserError` and keeps the old one when the folder is
        refused.
        """

    async def drop_adapter(self, name: str) -> None:
        """Unregister an adapter; running requests keep it, later requests that name it raise `UserError`."""

    async def forget(self, place: Place) -> None:
        """Drop a place's keys and values from the prefix cache, once the running step is over.

        Waiting and running requests of the place are answered, and not cached either.
        """

    def status(self) -> Status:
        """Return the engine's state at this moment; cheap, and never waits."""
