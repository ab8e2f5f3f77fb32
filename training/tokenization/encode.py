"""Training examples as token ids, for any chat template; the loss is on the persona's words and their end."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from bot.errors import UserError
from training.dataset.excerpts import Excerpt
from training.dataset.leakage import CardWords, shows_messages
from training.dataset.serving_prompts import Example, ServingPrompts, read_examples
from training.tokenization.answers import answer_end_ids, answer_frame

__all__ = ["Encoder", "TrainedSpan", "TrainingExample", "answer_end_ids"]


class TrainedSpan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The ids [start:end) of a training example are trained, each with this weight of its loss."""

    start: int
    end: int
    weight: float


class TrainingExample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Token ids; the trained ones are their own labels, and all others have none.

    `answers` counts the whole answers that end here: a long answer takes several training examples, and
    counts in the last.
    """

    ids: tuple[int, ...]
    trained: tuple[TrainedSpan, ...]
    stage: str = "dialogue"
    answers: int = 1

    def labels(self, ignored: int = -100) -> list[int]:
        """Return the labels [tokens]; `ignored` is that of ids without loss."""
        labels = [ignored] * len(self.ids)
        for span in self.trained:
            labels[span.start : span.end] = self.ids[span.start : span.end]
        return labels

    def weights(self) -> list[float]:
        """Return the weights [tokens]; 0 where there is no label."""
        weights = [0.0] * len(self.ids)
        for span in self.trained:
            weights[span.start : span.end] = [span.weight] * (span.end - span.start)
        return weights


class Encoder:
    """Makes training examples of at most `window` tokens."""

    def __init__(self, serving: ServingPrompts, window: int) -> None:
        self._serving, self._prompt_format, self._window = serving, serving.reader, window
        self._end_ids, self._frame = answer_end_ids(serving.reader), answer_frame(serving.reader)
        self._no_words = len(self.encode_answer([""]))
        self._card = CardWords(serving.reader.tokenizer)

    def encode_excerpts(self, excerpts: Iterable[Excerpt]) -> Iterator[TrainingExample]:
        """Yield all training examples, in order; those that continue the one before are joined to it."""
        last: TrainingExample | None = None
        for excerpt in excerpts:
            for example in self._encode_excerpt(excerpt):
                if last and (joined := _join(last, example)):
                    last = joined
                else:
                    if last:
                        yield last
                    last = example
        if last:
            yield last

    def encode_example(self, example: Example) -> Iterator[TrainingExample]:
        """Yield one example: the prompt, then the answer with its end, in as many windows as it takes.

        Raises `UserError` for a prompt that gives its answer away or leaves no room for it.
        """
        self._check_leakage(example)
        prompt, answer = example.prompt.ids, self.encode_answer(example.answer)
        room = self._window - len(prompt)
        if len(answer) <= self._no_words:
            raise UserError(
                f"An example of {example.excerpt.chat} has no words to learn: build the data again."
            )
        if room < 2:
            raise UserError(
                f"A prompt has {len(prompt):,} ids and leaves no room for an answer: build the data again."
            )
        start = 0
        while start < len(answer):
            before = answer[start - min(start, room // 2) : start]
            end = min(len(answer), start + room - len(before))
            at = len(prompt) + len(before)
            yield TrainingExample(
                ids=(*prompt, *before, *answer[start:end]),
                trained=(TrainedSpan(at, at + end - start, example.weight),),
                answers=int(end == len(answer)),
            )
            start = end

    def encode_messages(self, texts: Sequence[str]) -> tuple[int, ...]:
        """Return the ids of messages in a row, as `bot.prompt` joins them in a history."""
        encode = self._prompt_format.tokenizer.encode
        return tuple(
            id for number, text in enumerate(texts) for id in encode(text if number == 0 else "\n" + text)
        )

    def encode_answer(self, texts: Sequence[str]) -> tuple[int, ...]:
        """Return the ids of an answer as it is trained: its words and its end, as a history shows them."""
        found = self._frame.encode("\n".join(texts), self._prompt_format)
        return (*self.encode_messages(texts), *self._end_ids) if found is None else found

    def _encode_excerpt(self, excerpt: Excerpt) -> Iterator[TrainingExample]:
        if excerpt.stage == "facts":
            yield from self._encode_document(excerpt.text)
        else:
            for example in read_examples(excerpt, self._serving):
                yield from self.encode_example(example)

    def _encode_document(self, text: str) -> Iterator[TrainingExample]:
        """Yield a piece of a document, all of it trained once; windows overlap by an untrained eighth."""
        ids = (*self._prompt_format.tokenizer.encode(text), *sorted(self._prompt_format.tokenizer.end)[:1])
        start = 0
        while start < len(ids):
            before = min(start, self._window // 8)
            end = min(len(ids), start - before + self._window)
            trained = TrainedSpan(before, before + end - start, 1.0)
            yield TrainingExample(ids=ids[start - before : end], trained=(trained,), stage="facts")
            start = end

    def _check_leakage(self, example: Example) -> None:
        """Raise `UserError` for an answer that its prompt gives away."""
        where = f"of {example.excerpt.chat}"
        if shows_messages(example.prompt, example.ids):
            raise UserError(f"An answer {where} stands in its own prompt: build the data again.")
        if self._card.contains(example.prompt, example.answer):
            raise UserError(f"An answer {where} stands in the persona's card: build the data again.")


def _join(first: TrainingExample, second: TrainingExample) -> TrainingExample | None:
    """Return both as one if the second prompt begins with the first prompt and its answer; None otherwise.

    Each answer is still trained after the very ids of its own prompt, which are read once instead of twice.
    """
    size = len(first.ids)
    if second.ids[:size] != first.ids or not second.trained or second.trained[0].start < size:
        return None
    if first.stage != second.stage or not first.answers:
        return None
    return TrainingExample(
        ids=second.ids,
        trained=(*first.trained, *second.trained),
        stage=first.stage,
        answers=first.answers + second.answers,
    )
