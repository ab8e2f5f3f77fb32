"""Answers in OpenAI's shapes: whole ones, and the chunks of a stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.api.generation import Delta, Ended, FinishReason, Usage
from bot.api.logprobs import chat_logprobs, completion_logprobs
from bot.engine.interface import TokenLogprob

Body = dict[str, object]


@dataclass(slots=True)
class Choice:
    """One candidate so far."""

    pieces: list[str] = field(default_factory=list)
    tokens: list[TokenLogprob] = field(default_factory=list)
    reason: FinishReason | None = None

    @property
    def text(self) -> str:
        """Return all that was said."""
        return "".join(self.pieces)


class AnswerShape(Protocol):
    """The shape of an answer, whole and as a stream."""

    def opening(self, index: int) -> Body | None:
        """Return the choice that opens a candidate's stream; None where nothing does."""

    def delta(self, delta: Delta) -> Body:
        """Return a choice with further text."""

    def ending(self, index: int, reason: FinishReason) -> Body:
        """Return the choice that ends a candidate's stream."""

    def whole(self, index: int, choice: Choice) -> Body:
        """Return a whole choice."""

    def envelope(self, choices: Sequence[Body], *, chunk: bool) -> Body:
        """Return the object around choices."""


@dataclass(frozen=True, slots=True)
class _Head:
    id: str
    model: str
    created: int
    with_logprobs: bool

    def around(self, object: str, choices: Sequence[Body]) -> Body:
        head = {"id": self.id, "object": object, "created": self.created, "model": self.model}
        return {**head, "choices": list(choices)}


@dataclass(frozen=True, slots=True)
class ChatShape(_Head):
    """Answers of a chat."""

    def opening(self, index: int) -> Body | None:
        return self._chunk(index, {"role": "assistant", "content": ""}, ())

    def delta(self, delta: Delta) -> Body:
        return self._chunk(delta.index, {"content": delta.text}, delta.tokens)

    def ending(self, index: int, reason: FinishReason) -> Body:
        return {"index": index, "delta": {}, "logprobs": None, "finish_reason": reason}

    def whole(self, index: int, choice: Choice) -> Body:
        message = {"role": "assistant", "content": choice.text, "refusal": None}
        logprobs = chat_logprobs(choice.tokens) if self.with_logprobs else None
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": choice.reason}

    def envelope(self, choices: Sequence[Body], *, chunk: bool) -> Body:
        return self.around("chat.completion.chunk" if chunk else "chat.completion", choices)

    def _chunk(self, index: int, delta: Body, tokens: tuple[TokenLogprob, ...]) -> Body:
        logprobs = chat_logprobs(tokens) if self.with_logprobs and tokens else None
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}


@dataclass(frozen=True, slots=True)
class CompletionShape(_Head):
    """Answers of completions. `echoed` is the text of each prompt, where clients want it before the answer.

    Candidates are counted over all prompts, `n` of each.
    """

    n: int = 1
    echoed: tuple[str, ...] = ()
    _offsets: dict[int, int] = field(default_factory=dict)  # characters sent, by index

    def opening(self, index: int) -> Body | None:
        return self._choice(index, self._echo(index), (), None) if self.echoed else None

    def delta(self, delta: Delta) -> Body:
        return self._choice(delta.index, delta.text, delta.tokens, None)

    def ending(self, index: int, reason: FinishReason) -> Body:
        return self._choice(index, "", (), reason)

    def whole(self, index: int, choice: Choice) -> Body:
        text, echo = choice.text, self._echo(index)
        logprobs = completion_logprobs(choice.tokens, len(echo)) if self.with_logprobs else None
        return {"index": index, "text": echo + text, "logprobs": logprobs, "finish_reason": choice.reason}

    def envelope(self, choices: Sequence[Body], *, chunk: bool) -> Body:
        return self.around("text_completion", choices)

    def _echo(self, index: int) -> str:
        return self.echoed[index // self.n] if self.echoed else ""

    def _choice(
        self, index: int, text: str, tokens: tuple[TokenLogprob, ...], reason: FinishReason | None
    ) -> Body:
        offset = self._offsets.get(index, 0)
        self._offsets[index] = offset + len(text)
        logprobs = completion_logprobs(tokens, offset) if self.with_logprobs and tokens else None
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}


def whole_body(shape: AnswerShape, choices: Sequence[Choice], usage: Usage) -> Body:
    """Return a whole answer with its usage."""
    bodies = [shape.whole(index, choice) for index, choice in enumerate(choices)]
    return {**shape.envelope(bodies, chunk=False), "usage": usage.body()}


def gather(choices: Sequence[Choice], event: Delta | Ended) -> None:
    """Add an event to the choices."""
    if isinstance(event, Delta):
        choice = choices[event.index]
        choice.pieces.append(event.text)
        choice.tokens.extend(event.tokens)
        return
    for index, reason in enumerate(event.reasons):
        choices[event.first + index].reason = reason
