"""The command `preview`: training examples as the model reads them, trained text in colour."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from bot.prompt.builder import Tokenizer
from training.tokenization.encode import TrainingExample

COLOURS = GREEN, GREY, PLAIN = "\x1b[32m", "\x1b[90m", "\x1b[0m"
OPEN, CLOSE = "⟦", "⟧"  # around trained text, where there are no colours


def spread_examples(examples: Sequence[TrainingExample], count: int) -> list[TrainingExample]:
    """Return so many training examples, spread evenly over all of them."""
    count = min(count, len(examples))
    return [examples[place * len(examples) // count] for place in range(count)]


class PreviewPage:
    """Training examples as text; `definition` is the tokenizer.json, which spells control tokens."""

    def __init__(self, tokenizer: Tokenizer, definition: str, *, colours: bool) -> None:
        self._tokenizer, self._colours = tokenizer, colours
        added = json.loads(definition)["added_tokens"] if definition else []
        self._spellings = {token["id"]: token["content"] for token in added}

    def render(self, example: TrainingExample) -> str:
        """Return an example: trained text green, or in brackets without colours; other text grey."""
        labels = example.labels(ignored=-1)
        pairs = zip(example.ids, (label != -1 for label in labels), strict=True)
        return "".join(
            self._highlight("".join(self._spell([id for id, _ in run])), is_trained)
            for is_trained, run in groupby(pairs, key=lambda pair: pair[1])
        )

    def _highlight(self, text: str, is_trained: bool) -> str:
        if self._colours:
            return f"{GREEN if is_trained else GREY}{text}{PLAIN}"
        return f"{OPEN}{text}{CLOSE}" if is_trained else text

    def _spell(self, ids: Sequence[int]) -> Iterator[str]:
        """Yield text, with control tokens spelled out, and characters replaced that a terminal would obey."""
        for is_control, run in groupby(ids, key=lambda id: id in self._tokenizer.control):
            if is_control:
                yield from (self._spellings.get(id, f"<{id}>") for id in run)
            else:
                text = self._tokenizer.decode(list(run))
                yield "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
