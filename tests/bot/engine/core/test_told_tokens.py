"""Tokens are told with the text in which their characters end, and their bytes make that text."""

import codecs
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.core.detokenizer import Detokenizer
from bot.engine.core.thoughts import ThoughtTokens
from bot.engine.interface import TokenLogprob
from bot.engine.tokenizer.tokenizer import HFTokenizer
from tests.bot.engine.core.test_detokenizer import STOPS, TOKENIZERS
from tests.bot.engine.core.test_thoughts import LETTERS, PLAIN, SPECIAL

Piece = tuple[str, list[bytes]]
WORDS = ["<", "think", ">", "</think>", "a", " ", "\n", "<think>", "hi", "é", "\n\n", "[THINK]", "[/THINK]"]
PARTS = st.lists(st.sampled_from(WORDS), max_size=12)


def stream(words: list[bytes], stop: tuple[str, ...] = ()) -> list[Piece]:
    """Return the pieces of a text of these tokens, each with the bytes of its tokens, and the rest."""
    shown = Detokenizer(words.__getitem__, stop, tells_tokens=True)
    pieces: list[Piece] = []
    for number, word in enumerate(words):
        text = shown.push(number, TokenLogprob(number, word, -1.0))
        pieces.append((text, [token.text for token in shown.take_tokens()]))
    rest = "" if shown.stopped else shown.flush()
    return [*pieces, (rest, [token.text for token in shown.take_tokens()])]


@pytest.mark.parametrize(
    ("words", "stop", "pieces"),
    [
        pytest.param(
            ["né".encode()[:2], "é!".encode()[1:], b"a"],
            (),
            [("n", []), ("é!", [b"n\xc3", b"\xa9!"]), ("a", [b"a"]), ("", [])],
            id="half a character",
        ),
        pytest.param(
            ["😀".encode()[at : at + 1] for at in range(4)],
            (),
            [("", []), ("", []), ("", []), ("😀", [b"\xf0", b"\x9f", b"\x98", b"\x80"]), ("", [])],
            id="a character of four tokens",
        ),
        pytest.param(
            [b"a", b"E", b"N", b"b"],
            ("END",),
            [("a", [b"a"]), ("", []), ("", []), ("ENb", [b"E", b"N", b"b"]), ("", [])],
            id="a possible stop string",
        ),
        pytest.param(
            [b"ok", b" aE", b"ND", b"b"],
            ("END",),
            [("ok", [b"ok"]), (" a", []), ("", []), ("", []), ("", [])],
            id="a token that a stop string cuts",
        ),
        pytest.param([b"a", b"E"], ("END",), [("a", [b"a"]), ("", []), ("E", [b"E"])], id="text kept back"),
        pytest.param([b"a", b"", b"b"], (), [("a", [b"a"]), ("", []), ("b", [b"b"]), ("", [])], id="no text"),
        pytest.param([b"a", b"\xc3"], (), [("a", [b"a"]), ("", []), ("", [])], id="a half at the end"),
        pytest.param(
            [b"\xc3", b"a", b"\xff"],
            (),
            [("", []), ("\ufffda", [b"\xc3", b"a"]), ("\ufffd", [b"\xff"]), ("", [])],
            id="bytes that are no UTF-8",
        ),
        pytest.param(
            [b"<think>", b"no", b"</think>", b"\n\n", b" Yes", b"."],
            (),
            [*[("", [])] * 4, ("Yes", [b"Yes"]), (".", [b"."]), ("", [])],
            id="a thought and blanks behind it",
        ),
        pytest.param(
            [b" <th", b"ink>a</think>b", b"c"],
            (),
            [(" ", []), ("b", [b" ", b"b"]), ("c", [b"c"]), ("", [])],
            id="tokens that are partly a thought",
        ),
        pytest.param(
            [b"<th", b"is>"], (), [("", []), ("<this>", [b"<th", b"is>"]), ("", [])], id="no mark after all"
        ),
    ],
)
def test_a_token_is_told_with_the_text_in_which_it_ends(
    words: list[bytes], stop: tuple[str, ...], pieces: list[Piece]
) -> None:
    assert stream(words, stop) == pieces


def read(
    tokenizer: HFTokenizer, ids: list[int], stop: tuple[str, ...], tells: bool
) -> tuple[str, bytes, bool]:
    """Return the text of ids, the bytes of its tokens, and whether a stop string ended it."""
    thoughts = ThoughtTokens.of(tokenizer, tokenizer.decode_bytes)
    shown = Detokenizer(
        tokenizer.decode_bytes, stop, thoughts.marks, None, expects_thought=True, tells_tokens=tells
    )
    for token in ids:
        shown.push(token, TokenLogprob(token, tokenizer.decode_bytes(token), -1.0) if tells else None)
    if not shown.stopped:
        shown.flush()
    return shown.text, b"".join(token.text for token in shown.take_tokens()), shown.stopped


def ends_in_half(tokenizer: HFTokenizer, ids: list[int]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(b"".join(map(tokenizer.decode_bytes, ids)))
    return bool(decoder.getstate()[0])


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_the_bytes_of_told_tokens_are_the_text_or_where_one_is_cut_its_beginning(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    size = tokenizer._backend.get_vocab_size()

    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.integers(0, size + 2), max_size=40), STOPS)
    def check(ids: list[int], stop: tuple[str, ...]) -> None:
        plain, _, _ = read(tokenizer, ids, stop, tells=False)
        text, told, stopped = read(tokenizer, ids, stop, tells=True)
        assert text == plain
        shown = codecs.getincrementaldecoder("utf-8")("replace").decode(told)
        assert text.startswith(shown)
        assert stopped or ends_in_half(tokenizer, ids) or shown == text

    check()


@pytest.mark.parametrize("tokenizer", [LETTERS, PLAIN, SPECIAL], ids=["letters", "plain", "special"])
@settings(max_examples=300, deadline=None)
@given(parts=PARTS, cuts=st.lists(st.integers(0, 40), max_size=8))
def test_the_bytes_of_told_tokens_are_the_answer_behind_any_thoughts(
    tokenizer: HFTokenizer, parts: list[str], cuts: list[int]
) -> None:
    ids = [token for part in parts for token in tokenizer.encode_template(part)]
    plain, _, _ = read(tokenizer, ids, (), tells=False)
    assert read(tokenizer, ids, (), tells=True) == (plain, plain.encode(), False)
    whole = "".join(parts).encode()
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    words = [whole[start:end] for start, end in pairwise(places)]
    pieces = stream(words)
    assert (
        b"".join(text for _, tokens in pieces for text in tokens)
        == "".join(text for text, _ in pieces).encode()
    )
