"""Generation of a prompt's candidates, as deltas of text and the ends of all of them."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.api.candidate_text import CandidateText
from bot.api.errors import bad_field, unavailable
from bot.engine.interface import Answer, Engine, Generation, Piece, Request, TokenLogprob

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Delta:
    """Further characters of a candidate, and the tokens that were drawn since its last ones."""

    index: int
    text: str
    tokens: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Numbers of tokens: of the prompt, of all answers with their thoughts, and of the thoughts alone."""

    prompt: int
    answers: int
    thoughts: int

    def body(self) -> dict[str, object]:
        """Return the numbers as OpenAI's object."""
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.answers,
            "total_tokens": self.prompt + self.answers,
            "completion_tokens_details": {"reasoning_tokens": self.thoughts},
        }

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.prompt + other.prompt, self.answers + other.answers, self.thoughts + other.thoughts)


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of all candidates of a prompt; `first` is the index of the first one."""

    reasons: tuple[FinishReason, ...]
    usage: Usage
    first: int = 0


Event = Delta | Ended


async def generate(
    engine: Engine,
    request: Request,
    texts: Sequence[CandidateText],
    running: set[Generation],
    observe: Callable[[Sequence[Answer]], None],
    ids_field: str | None = None,
) -> AsyncGenerator[Event, None]:
    """Yield the deltas of a request, then its end; `running` holds the generation meanwhile.

    Leaving the iteration cancels the generation. `observe` is told the answers of one that ended. `ids_field`
    names the field with token ids of the client. Raises `ApiError` where there is no answer for lack of time,
    and for ids outside the vocabulary. The text of a beam search is a delta when it is whole: no part of one
    can be taken back.
    """
    held: list[tuple[TokenLogprob, ...]] = [()] * request.n
    has_text = False
    async with engine.generate(request) as generation:
        running.add(generation)
        try:
            async for piece in _pieces(generation, ids_field):
                index, text = piece.candidate, texts[piece.candidate]
                if text.ended or request.beams > 1:
                    continue
                held[index] += piece.tokens
                if new := text.feed(piece.text):
                    has_text = True
                    yield Delta(index, new, held[index])
                    held[index] = ()
                if all(each.ended for each in texts):
                    generation.cancel()
            answers = generation.answers
        finally:
            running.discard(generation)
    observe(answers)
    whole = texts[0].feed(answers[0].text) if request.beams > 1 else ""
    rests = [whole + text.finish() for text in texts]
    _check_time(answers, texts, has_text=has_text or any(rests))
    for index, rest in enumerate(rests):
        if rest or held[index]:
            yield Delta(index, rest, held[index])
    yield Ended(tuple(map(_reason, answers, texts)), _usage(answers))


async def _pieces(generation: Generation, ids_field: str | None) -> AsyncGenerator[Piece, None]:
    try:
        async for piece in generation:
            yield piece
    except ValueError:
        if ids_field is None:
            raise
        raise bad_field(ids_field, "a token id is outside the model's vocabulary") from None


def _check_time(answers: Sequence[Answer], texts: Sequence[CandidateText], *, has_text: bool) -> None:
    finishes = {answer.finish for answer, text in zip(answers, texts, strict=True) if not text.ended}
    if "cancelled" in finishes:
        raise unavailable("The server is stopping: ask again in a moment.", "stopping")
    if "deadline" in finishes and not has_text:
        raise unavailable("No word of the answer was ready in time: ask again later.", "timeout")


def _reason(answer: Answer, text: CandidateText) -> FinishReason:
    return "stop" if text.ended or answer.finish == "stop" else "length"


def _usage(answers: Sequence[Answer]) -> Usage:
    """Return the numbers of tokens; the prompt of all candidates is one."""
    tokens, thoughts = (sum(answer.tokens for answer in answers), sum(a.thought_tokens for a in answers))
    return Usage(answers[0].prompt_tokens, tokens, thoughts)
