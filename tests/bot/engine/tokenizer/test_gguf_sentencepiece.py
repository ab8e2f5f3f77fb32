"""The SentencePiece tokenizer in a GGUF file merges pieces as SentencePiece does."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from bot.engine.tokenizer.gguf_tokenizer import read_gguf_tokenizer
from bot.errors import UserError
from tests.bot.engine.tokenizer.gguf_files import vocabulary_in, write_tokenizer_file

IDS = {"bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 0, "padding_token_id": 2}
PIECES = [
    "▁t",
    "he",
    "▁the",
    "in",
    "er",
    "▁a",
    "re",
    "on",
    "▁▁",
    "▁▁▁▁",
    "▁▁▁",
    "▁s",
    "ng",
    "ing",
    "aa",
    "aaa",
]
PIECES += [
    "Hel",
    "lo",
    "el",
    "▁H",
    "▁Hel",
    "▁Hello",
    "an",
    "and",
    "▁and",
    "nd",
    "ab",
    "ba",
    "aba",
    "bab",
    "▁▁▁▁▁",
]


def sentencepiece_keys(prefixed: bool) -> dict[str, Any]:
    """Return the keys of a SentencePiece tokenizer: control and user tokens, bytes, pieces by score."""
    tokens, types, scores = (
        ["<unk>", "<s>", "</s>", "<mark>", "\n\n"],
        [2, 3, 3, 4, 4],
        [0.0] * 3 + [-1000.0] * 2,
    )
    tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    types, scores = types + [6] * 256, scores + [0.0] * 256
    letters = sorted({*"abcdefghilnorst,.H▁\n"})
    tokens, types = tokens + PIECES + letters, types + [1] * (len(PIECES) + len(letters))
    scores += [-float(rank) for rank in range(len(PIECES) + len(letters))]
    flags = {"add_space_prefix": prefixed, "add_bos_token": True}
    return {"model": "llama", "tokens": tokens, "token_type": types, "scores": scores, **IDS, **flags}


def merge_by_score(text: str, keys: dict[str, Any]) -> list[int]:
    """Encode as SentencePiece's BPE does: join the neighbours with the best score, the first of several."""
    ids = {token: id for id, token in enumerate(keys["tokens"]) if keys["token_type"][id] in (1, 4)}
    rank = {token: (keys["token_type"][id] != 4, -keys["scores"][id]) for token, id in ids.items()}
    symbols = list(text)
    while True:
        pairs = [first + second for first, second in pairwise(symbols)]
        if not (known := [pair for pair in pairs if pair in rank]):
            break
        at = pairs.index(min(known, key=rank.__getitem__))
        symbols[at : at + 2] = [pairs[at]]
    made: list[int] = []
    for symbol in symbols:
        spelt = [keys["tokens"].index(f"<0x{byte:02X}>") for byte in symbol.encode()]
        made += [ids[symbol]] if symbol in ids else spelt
    return made


@pytest.mark.parametrize(("architecture", "prefixed"), [("llama", True), ("gemma3", False)])
def test_pieces_are_merged_by_their_scores(architecture: str, prefixed: bool, tmp_path: Path) -> None:
    keys = sentencepiece_keys(prefixed)
    path = write_tokenizer_file(tmp_path / "x.gguf", keys, architecture)
    read = read_gguf_tokenizer(vocabulary_in(path, architecture))
    alone = Tokenizer.from_str(read.definition)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(st.sampled_from("aabnt heingHlo ,é\n😀"), min_size=1, max_size=24))
    def check(text: str) -> None:
        assert read.encode(text) == merge_by_score(text.replace(" ", "▁"), keys)
        if "\n\n" not in text:  # a token of the user's, which splits a text
            whole = ("▁" if prefixed else "") + text.replace(" ", "▁")
            assert alone.encode(text).ids == [1, *merge_by_score(whole, keys)]
        assert read.decode(read.encode(text)) == text

    check()


def test_blanks_that_people_defined_are_written_as_pieces(tmp_path: Path) -> None:
    keys = sentencepiece_keys(prefixed=False)
    keys["tokens"][3] = "  "
    keys["tokens"][keys["tokens"].index("▁▁")] = "zz"
    read = read_gguf_tokenizer(
        vocabulary_in(write_tokenizer_file(tmp_path / "x.gguf", keys, "gemma"), "gemma")
    )
    assert read.encode("a  b")[1] == 3
    assert read.decode([3]) == "  "


def test_control_tokens_of_phi3_take_the_blanks_behind_them(tmp_path: Path) -> None:
    keys = sentencepiece_keys(prefixed=True)
    path = write_tokenizer_file(tmp_path / "x.gguf", keys, "phi3")
    assert len(read_gguf_tokenizer(vocabulary_in(path, "phi3")).encode_template("</s>  \n")) == 1
    assert len(read_gguf_tokenizer(vocabulary_in(path, "llama")).encode_template("</s>  \n")) > 1


def test_a_score_must_be_a_number(tmp_path: Path) -> None:
    keys = sentencepiece_keys(prefixed=True)
    keys["scores"][-1] = float("nan")
    with pytest.raises(UserError, match="a score of its tokens is no number"):
        read_gguf_tokenizer(vocabulary_in(write_tokenizer_file(tmp_path / "x.gguf", keys)))
