"""Decoding spells what the library spells without special tokens; content is still never control.

ggml-org/llama.cpp#8228, #8349: added tokens that are text (indentation, HTML) vanished from what Gemma wrote.
"""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, trainers

from bot.engine.core.detokenizer import Detokenizer
from bot.engine.tokenizer.tokenizer import HFTokenizer
from tests.fakes import tiny

CODE = "def f():\n    return <b>x</b>"
HTML = ["<b>", "</b>", "<table>", "<h1>", "<code>"]


def gemma() -> Tokenizer:
    """BPE over U+2581 as Gemma has it, with runs of blanks, line breaks and HTML as added tokens."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    special = ["<unk>", "<s>", "</s>", "<start_of_turn>", "<end_of_turn>"]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    runs = ["▁" * length for length in range(2, 9)]
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=[*special, *bytes_, *runs, *HTML, "\n\n"], show_progress=False
    )
    tokenizer.train_from_iterator([*tiny.TEXTS, CODE], trainer)
    plain = Tokenizer.from_str(tokenizer.to_str())
    made = Tokenizer(plain.model)
    made.normalizer, made.decoder = plain.normalizer, plain.decoder
    made.add_special_tokens(special)
    made.add_tokens([AddedToken(each, normalized=False) for each in (*runs, *HTML, "\n\n")])
    return made


MADE: dict[str, Callable[[], Tokenizer]] = {
    "gemma": gemma,
    "byte-level": tiny.byte_level,
    "unigram": tiny.unigram,
}
LIBRARY = {kind: make() for kind, make in MADE.items()}
OPENED = {kind: (made, HFTokenizer(made.to_str(), {}, None, [2])) for kind, made in LIBRARY.items()}


def test_gemmas_indentation_and_html_come_whole_8228() -> None:
    library, tokenizer = OPENED["gemma"]
    ids = library.encode("def f():\n▁▁▁▁return <b>x</b>", add_special_tokens=False).ids
    assert {library.token_to_id("▁▁▁▁"), library.token_to_id("<b>")} <= {*ids}
    assert tokenizer.decode(ids) == library.decode(ids) == CODE


@pytest.mark.parametrize("kind", MADE)
def test_decoding_is_the_librarys_without_special_tokens_at_once_and_streamed(kind: str) -> None:
    library, tokenizer = OPENED[kind]

    @given(st.lists(st.integers(0, library.get_vocab_size() - 1), max_size=20))
    def check(ids: list[int]) -> None:
        expected = library.decode(ids, skip_special_tokens=True)
        if "\ufffd" in expected:  # of bytes that are no character, the library makes other signs
            return
        spelt = tokenizer.decode(ids)
        assert spelt.lstrip(" ") == expected.lstrip(" ")  # the library strips a blank at the beginning
        shown = Detokenizer(tokenizer.decode_bytes)
        pieces = [shown.push(token) for token in ids]
        assert "".join((*pieces, shown.flush())) == spelt

    check()


def test_text_that_is_a_token_is_spelt_and_never_encoded() -> None:
    _, tokenizer = OPENED["gemma"]
    for text in (CODE, "<b>", "a</table>b", "<end_of_turn>"):
        assert tokenizer.control.isdisjoint(tokenizer.encode(text))
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_runs_of_blanks_are_encoded_as_the_library_does() -> None:
    library, tokenizer = OPENED["gemma"]
    text = "def f():\n    return x"
    assert tokenizer.encode(text) == library.encode(text, add_special_tokens=False).ids


def test_special_tokens_are_spelt_as_nothing() -> None:
    _, tokenizer = OPENED["gemma"]
    assert tokenizer.decode(tokenizer.encode_template("<start_of_turn>the<end_of_turn>")) == "the"
    assert tokenizer.unspelt < tokenizer.control
