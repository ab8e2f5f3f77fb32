"""The trainer's cache of token ids keeps many short texts and a bounded number of characters of long ones."""

import pytest

from tests.fakes.model import ByteTokenizer
from training.dataset import base_tokenizer
from training.dataset.base_tokenizer import CachedTokenizer


class CountingTokenizer(ByteTokenizer):
    """Keeps the texts that it encoded."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded = list[str]()

    def encode(self, text: str) -> list[int]:
        self.encoded.append(text)
        return super().encode(text)


def test_short_texts_are_encoded_once_and_long_ones_while_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(base_tokenizer, "_LONG_TEXTS", 20_000)
    counting = CountingTokenizer()
    cached = CachedTokenizer(counting)
    long = [letter * 3_000 for letter in "abcdef"]
    for text in ("short", "short", long[0], long[0], *long, long[0], "short"):
        assert cached.encode(text) == counting.encode(text)
        counting.encoded.pop()
    assert counting.encoded == ["short", long[0], *long[1:], long[0]]
