"""The command `preview`: examples as the model reads them, with what is trained in colour."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from bot.prompt.builder import Tokenizer
from training.tokenization.encode import TrainingExample

GREEN, GREY, PLAIN = "\x1b[32m", "\x1b[90m", "\x1b[0m"
OPEN, CLOSE = "⟦", "⟧"  # around what is trained, where there are no colours


def spread_examples(lessons: Sequence[TrainingExample], count: int) -> list[TrainingExample]:
    """So many lessons, spread evenly over all of them."""
    count = min(count, len(lessons))
    return [lessons[place * len(lessons) // count] for place in range(count)]


class PreviewPage:
    """Lessons as text; `definition` is the tokenizer.json, which knows how control tokens are written."""

    def __init__(self, tokenizer: Tokenizer, definition: str, *, colours: bool) -> None:
        self._tokenizer, self._colours = tokenizer, colours
        told = json.loads(definition)["added_tokens"] if definition else []
        self._written = {token["id"]: token["content"] for token in told}

    def render(self, lesson: TrainingExample) -> str:
        """A lesson: what is only read is grey, what is learned is green, or in brackets without colours."""
        labels = lesson.labels(ignored=-1)
        pairs = zip(lesson.ids, (label != -1 for label in labels), strict=True)
        return "".join(
            self._marked("".join(self._spelt([id for id, _ in run])), is_trained)
            for is_trained, run in groupby(pairs, key=lambda pair: pair[1])
        )

    def _marked(self, text: str, is_trained: bool) -> str:
        if self._colours:
            return f"{GREEN if is_trained else GREY}{text}{PLAIN}"
        return f"{OPEN}{text}{CLOSE}" if is_trained else text

    def _spelt(self, ids: Sequence[int]) -> Iterator[str]:
        """Text, with control tokens written out; what a terminal would obey is made visible."""
        for is_control, run in groupby(ids, key=lambda id: id in self._tokenizer.control):
            if is_control:
                yield from (self._written.get(id, f"<{id}>") for id in run)
            else:
                text = self._tokenizer.decode(list(run))
                yield "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
