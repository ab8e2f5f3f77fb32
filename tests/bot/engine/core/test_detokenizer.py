"""Streamed text is the whole text, cut at the first stop string, and never shows half a character."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.core.detokenizer import Detokenizer
from bot.engine.core.stop_strings import StopStrings
from bot.engine.tokenizer.tokenizer import HFTokenizer
from tests.fakes import tiny

TOKENIZERS = {kind: HFTokenizer(make().to_str(), {}, None, []) for kind, make in tiny.TOKENIZERS.items()}
STOPS = st.lists(st.text(alphabet="ab\n😀 <é", min_size=1, max_size=4), max_size=4).map(tuple)


def whole(tokenizer: HFTokenizer, ids: list[int]) -> str:
    """Return the text of all ids, but for bytes at the end that are not yet a character."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(b"".join(map(tokenizer.decode_bytes, ids)))


def stream(tokenizer: HFTokenizer, ids: list[int], stop: tuple[str, ...]) -> tuple[list[str], int, bool]:
    text, pieces, used = Detokenizer(tokenizer.decode_bytes, stop), [], 0
    for token in ids:
        used += 1
        pieces.append(text.push(token))
        if text.stopped:
            return pieces, used, True
    return [*pieces, text.flush()], used, False


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_streamed_pieces_join_to_the_text_before_the_first_stop_string(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]
    size = tokenizer._backend.get_vocab_size()

    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.integers(0, size + 2), max_size=40), STOPS)
    def check(ids: list[int], stop: tuple[str, ...]) -> None:
        pieces, used, stopped = stream(tokenizer, ids, stop)
        full = whole(tokenizer, ids[:used])
        place = min((at for at in map(full.find, stop) if at >= 0), default=None)
        assert stopped == (place is not None)
        assert "".join(pieces) == (full if place is None else full[:place])

    check()


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_text_streams_as_it_decodes(kind: str) -> None:
    tokenizer = TOKENIZERS[kind]

    @settings(max_examples=100, deadline=None)
    @given(st.text(max_size=40))
    def check(text: str) -> None:
        ids = tokenizer.encode(text)
        assert "".join(stream(tokenizer, ids, ())[0]) == tokenizer.decode(ids)

    check()


def test_no_piece_holds_part_of_a_character() -> None:
    tokenizer = TOKENIZERS["byte-level"]
    ids = tokenizer.encode("👩‍🚀 über 这")
    assert "\ufffd" not in "".join(stream(tokenizer, ids, ())[0])
    assert "\ufffd" not in "".join(stream(tokenizer, ids[:2], ())[0])


def test_part_of_a_stop_string_is_kept_back_until_it_is_none() -> None:
    text = Detokenizer(lambda token: bytes([token]), ("END",))
    assert [text.push(byte) for byte in b"aENEN"] == ["a", "", "", "EN", ""]
    assert text.flush() == "EN"


def test_nothing_comes_after_a_stop_string() -> None:
    text = Detokenizer(lambda token: bytes([token]), ("x",))
    assert [text.push(byte) for byte in b"axb"] == ["a", "", ""]


@pytest.mark.parametrize(
    ("text", "stop", "held"), [("abc", ("cd",), 1), ("ab", ("abc", "b!"), 2), ("a", (), 0)]
)
def test_a_possible_beginning_of_a_stop_string_is_kept_back(
    text: str, stop: tuple[str, ...], held: int
) -> None:
    assert StopStrings(stop).possible_length(text) == held


@given(st.text(alphabet="ab😀 <é/think>", max_size=30), st.integers(0, 30), STOPS)
def test_a_copy_goes_on_by_itself(text: str, place: int, stop: tuple[str, ...]) -> None:
    tokenizer = TOKENIZERS["byte-level"]
    ids, other = tokenizer.encode(text), tokenizer.encode("<b\n😀 é")
    first = Detokenizer(tokenizer.decode_bytes, stop)
    for token in ids[:place]:
        first.push(token)
    second = first.copy()
    for detokenizer, rest in ((first, ids[place:]), (second, other)):
        for token in rest:
            detokenizer.push(token)
    pairs = [(first, ids), (second, [*ids[:place], *other])]
    assert [each.text for each, _ in pairs] == [
        "".join(stream(tokenizer, whole_ids, stop)[0][: -1 if not each.stopped else None])
        for each, whole_ids in pairs
    ]
