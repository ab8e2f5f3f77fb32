"""What crosses to the engine and back: Request > Pieces > Answer. Nothing here loads a model."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

from bot.message import Place
from bot.persona.persona import Sampling
from bot.prompt.builder import Tokenizer

Finish = Literal["stop", "length", "cancelled", "deadline"]


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to be answered, `n` times, under one adapter or none.

    `stop_ids` (when empty: the model's own end ids) and `stop` end an answer and are no part of it.
    `first_deadline` and `deadline` are seconds from submission to the first piece and to the end; when one
    passes, the answer ends with what it has.
    """

    ids: tuple[int, ...]
    sampling: Sampling
    adapter: str | None = None  # a name that `Engine.add_adapter` was given
    strength: float = 1.0  # scales the adapter, 0 to 1.5
    place: Place | None = None  # whose keys and values may be reused
    shared: int = 0  # how many first ids hold nothing of the place, and may serve other places
    stop_ids: frozenset[int] = frozenset()
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int = 1
    first_deadline: float = 60.0
    deadline: float = 300.0


@dataclass(frozen=True, slots=True)
class Piece:
    """The next characters of one candidate: never half a character, never part of a stop string."""

    text: str
    candidate: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds from submission: until the request left the queue, until its first token, until its end."""

    queued: float
    first_token: float
    total: float


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished candidate; its text equals the joined pieces."""

    text: str
    prompt_tokens: int
    tokens: int
    finish: Finish
    timings: Timings


class Generation(Protocol):
    """A running request: iterate for pieces, then read `answers`. Leaving `async with` early cancels it."""

    def __aiter__(self) -> AsyncIterator[Piece]: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def cancel(self) -> None:
        """Stop within one step; the iteration then ends and the answers' finish is "cancelled"."""

    @property
    def answers(self) -> tuple[Answer, ...]:
        """One per candidate, after the last piece."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the engine is doing, for `/status` and `doctor`."""

    state: Literal["loading", "ready", "stuck", "failed", "stopped"]
    model: str
    running: int = 0
    queued: int = 0
    answered: int = 0
    tokens_per_second: float = 0.0
    adapters: tuple[str, ...] = field(default=())
    error: str = ""
    stage: str = ""  # what loading is doing, in a few words
    context: int = 0  # tokens of prompt and answer; certain as soon as the tokenizer is read
    rows: int = 0  # sequences that are computed; a request has one for each candidate
    first_token: tuple[float, float] = (0.0, 0.0)  # seconds to it, of the latest 200 requests: p50 and p95
    hit_rate: float = 0.0  # the share of all prompts' tokens that had been read in the turn before
    memory: Mapping[str, int] = field(default_factory=dict)  # bytes by part


class Engine(Protocol):
    """A model that answers requests. Enter the context to start the engine, leave it to stop."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def tokenizer(self) -> Tokenizer:
        """The base model's tokenizer, as soon as it is read; raises `UserError` when there is no model."""

    async def ready(self) -> None:
        """Return when the model answers; raise `UserError` when it could not be loaded."""

    def generate(self, request: Request) -> Generation:
        """Queue the request. Errors that a person can mend come out of the iteration as `UserError`."""

    async def add_adapter(self, name: str, folder: Path) -> None:
        """Check and load an adapter, replacing one of that name; raises `UserError` and keeps the old one."""

    async def drop_adapter(self, name: str) -> None:
        """Forget an adapter."""

    async def forget(self, place: Place) -> None:
        """Drop what was computed of a place's words, as soon as the step that is under way is over."""

    def status(self) -> Status:
        """The engine's state at this moment; cheap, and never waits."""
