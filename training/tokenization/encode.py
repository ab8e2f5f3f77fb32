"""From examples to token ids, for any chat template: trained are the person's words and their end."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from bot.errors import UserError
from bot.prompt.builder import PromptFormat, stop_conditions
from training.dataset.excerpts import Excerpt
from training.dataset.leakage import CardWords, shows_messages
from training.dataset.serving_prompts import Example, ServingPrompts, read_examples


class TrainedSpan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """ids[start:end] are learned, each with this weight."""

    start: int
    end: int
    weight: float


class TrainingExample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a trainer reads: ids, of which the trained ones have themselves as labels and all others none.

    `answers` is how many examples it holds; a long answer may need several lessons, and counts in the last.
    """

    ids: tuple[int, ...]
    trained: tuple[TrainedSpan, ...]
    stage: str = "dialogue"
    answers: int = 1

    def labels(self, ignored: int = -100) -> list[int]:
        """A label for each id."""
        labels = [ignored] * len(self.ids)
        for span in self.trained:
            labels[span.start : span.end] = self.ids[span.start : span.end]
        return labels

    def weights(self) -> list[float]:
        """A weight for each id; 0 where there is no label."""
        weights = [0.0] * len(self.ids)
        for span in self.trained:
            weights[span.start : span.end] = [span.weight] * (span.end - span.start)
        return weights


def answer_end_ids(reader: PromptFormat) -> tuple[int, ...]:
    """The ids that end an answer: what the template writes behind one, as far as serving stops at it.

    Where a template writes nothing there, it is the model's own end of text. Raises `UserError` if there is
    none either: a persona that learns from such a template never stops.
    """
    stop_ids, stop = stop_conditions(reader)
    after = reader.tokenizer.encode_template(reader.template.after)
    for place, id in enumerate(after):
        if id in reader.tokenizer.control and id in stop_ids:
            return tuple(after[: place + 1])
    if stop:
        return tuple(reader.tokenizer.encode_template(stop[0]))
    end = reader.tokenizer.encode_template(reader.tokenizer.special.get("eos_token", ""))
    if len(end) != 1 or end[0] not in reader.tokenizer.end:
        raise UserError(
            "The chat template and the model name no token that ends an answer: set model.template to chatml "
            "or plain."
        )
    return tuple(end)


class Encoder:
    """Examples as lessons of at most `window` ids."""

    def __init__(self, serving: ServingPrompts, window: int) -> None:
        self._serving, self._reader, self._window = serving, serving.reader, window
        self._closing = answer_end_ids(serving.reader)
        self._card = CardWords(serving.reader.tokenizer)

    def encode_excerpts(self, excerpts: Iterable[Excerpt]) -> Iterator[TrainingExample]:
        """All lessons, in order. What goes on exactly where the one before ended is joined to it."""
        held: TrainingExample | None = None
        for excerpt in excerpts:
            for lesson in self._of(excerpt):
                if held and (joined := _joined(held, lesson)):
                    held = joined
                else:
                    if held:
                        yield held
                    held = lesson
        if held:
            yield held

    def encode_example(self, example: Example) -> Iterator[TrainingExample]:
        """One example: the prompt, then the answer with its end, in as many windows as it takes."""
        self._check(example)
        prompt, answer = example.prompt.ids, self.encode_answer(example.answer)
        room = self._window - len(prompt)
        if len(answer) == len(self._closing):
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
        """The ids of messages said in a row, as `bot.prompt` joins them in a history."""
        encode = self._reader.tokenizer.encode
        return tuple(
            id for number, text in enumerate(texts) for id in encode(text if number == 0 else "\n" + text)
        )

    def encode_answer(self, texts: Sequence[str]) -> tuple[int, ...]:
        """An answer as it is trained: its words and its end."""
        return (*self.encode_messages(texts), *self._closing)

    def _of(self, excerpt: Excerpt) -> Iterator[TrainingExample]:
        if excerpt.stage == "facts":
            yield from self._facts(excerpt.text)
        else:
            for example in read_examples(excerpt, self._serving):
                yield from self.encode_example(example)

    def _facts(self, text: str) -> Iterator[TrainingExample]:
        """A piece of a document, all of it trained; windows overlap by an eighth, in which nothing is."""
        ids = (*self._reader.tokenizer.encode(text), *sorted(self._reader.tokenizer.end)[:1])
        start = 0
        while start < len(ids):
            before = min(start, self._window // 8)
            end = min(len(ids), start - before + self._window)
            trained = TrainedSpan(before, before + end - start, 1.0)
            yield TrainingExample(ids=ids[start - before : end], trained=(trained,), stage="facts")
            start = end

    def _check(self, example: Example) -> None:
        """Refuse an answer that the prompt gives away."""
        where = f"of {example.excerpt.chat}"
        if shows_messages(example.prompt, example.ids):
            raise UserError(f"An answer {where} stands in its own prompt: build the data again.")
        if self._card.contains(example.prompt, example.answer):
            raise UserError(f"An answer {where} stands in the persona's card: build the data again.")


def _joined(held: TrainingExample, lesson: TrainingExample) -> TrainingExample | None:
    """Both as one, where the later prompt is exactly the earlier one, its answer and what followed.

    Each answer is then trained after the very ids of its own prompt, which are read once instead of twice.
    """
    size = len(held.ids)
    if lesson.ids[:size] != held.ids or not lesson.trained or lesson.trained[0].start < size:
        return None
    if held.stage != lesson.stage or not held.answers:
        return None
    return TrainingExample(
        ids=lesson.ids,
        trained=(*held.trained, *lesson.trained),
        stage=held.stage,
        answers=held.answers + lesson.answers,
    )
