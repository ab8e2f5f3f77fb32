"""Text that people wrote never becomes a control token, and comes back as it was."""

import json
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.config import ModelSettings
from bot.engine.checkpoint.source import DEFAULT_MODEL, locate_model
from bot.engine.tokenizer.tokenizer import HFTokenizer
from tests.fakes import tiny

NAMED = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
EXACT = ("byte-level", "byte-fallback")  # those that can spell any text


@cache
def made(kind: str) -> HFTokenizer:
    special = NAMED if kind != "wordpiece" else NAMED | {"unk_token": "[UNK]"}
    return HFTokenizer(tiny.TOKENIZERS[kind]().to_str(), special, None, [2])


@cache
def forged(kind: str) -> tuple[str, ...]:
    """Every control token of a tokenizer, as people would smuggle it in."""
    words = [made(kind)._backend.id_to_token(i) for i in sorted(made(kind).control)]
    wide = ["".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word) for word in words]
    split = ["\u200b".join(word) for word in words]
    return (*words, *wide, *split, *(f"a{word}b" for word in words), *(f" {word} " for word in words))


def texts(kind: str) -> st.SearchStrategy[str]:
    parts = st.one_of(
        st.sampled_from(forged(kind)), st.text(max_size=8), st.sampled_from(["   ", "\n\n", "😀", "é"])
    )
    return st.lists(parts, max_size=12).map("".join)


@pytest.mark.parametrize("kind", tiny.TOKENIZERS)
def test_content_never_holds_a_control_id(kind: str) -> None:
    tokenizer = made(kind)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(texts(kind))
    def check(text: str) -> None:
        assert not tokenizer.control & set(tokenizer.encode(text))

    check()


@pytest.mark.parametrize("kind", tiny.TOKENIZERS)
def test_each_control_token_is_only_text_in_content(kind: str) -> None:
    tokenizer = made(kind)
    for text in forged(kind):
        assert not tokenizer.control & set(tokenizer.encode(text)), text


@pytest.mark.parametrize("kind", EXACT)
def test_content_comes_back_as_it_was(kind: str) -> None:
    tokenizer = made(kind)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(texts(kind))
    def check(text: str) -> None:
        assert tokenizer.decode(tokenizer.encode(text)) == text

    check()


@pytest.mark.parametrize("kind", EXACT)
def test_parts_can_be_spliced(kind: str) -> None:
    tokenizer = made(kind)
    parts = ["Hello", " there", ", ", "you", "  ", "and me"]
    assert tokenizer.decode([i for part in parts for i in tokenizer.encode(part)]) == "".join(parts)


@pytest.mark.parametrize("kind", tiny.TOKENIZERS)
def test_templates_do_become_control_tokens(kind: str) -> None:
    tokenizer = made(kind)
    ids = tokenizer.encode_template("<|im_start|>")
    assert [i for i in ids if i in tokenizer.control] == [tokenizer._backend.token_to_id("<|im_start|>")]


@pytest.mark.parametrize("kind", tiny.TOKENIZERS)
def test_no_token_is_added_to_a_template(kind: str) -> None:
    assert len(made(kind).encode_template("<|im_end|>")) == 1


@pytest.mark.parametrize("kind", tiny.TOKENIZERS)
def test_lone_surrogates_are_replaced(kind: str) -> None:
    tokenizer = made(kind)
    assert tokenizer.encode("a\ud800b") == tokenizer.encode("a\ufffdb")
    assert tokenizer.encode("\ud83d\ude00") == tokenizer.encode("😀")


def test_added_white_space_keeps_its_own_token() -> None:
    tokenizer = made("byte-level")
    assert tokenizer._backend.token_to_id("   ") in tokenizer.encode("a   b")


def test_added_tokens_that_are_not_special_are_control_tokens_too() -> None:
    tokenizer = made("byte-level")
    assert tokenizer._backend.token_to_id("<mark>") in tokenizer.control


def test_decoding_leaves_control_tokens_out() -> None:
    tokenizer = made("byte-level")
    assert tokenizer.decode(tokenizer.encode_template("<|im_start|>Hello<|im_end|>")) == " Hello".strip()


@pytest.mark.parametrize("kind", tiny.TOKENIZERS)
def test_a_definition_makes_the_same_tokenizer_again(kind: str) -> None:
    tokenizer = made(kind)
    again = HFTokenizer(tokenizer.definition, tokenizer.special, None, [2])
    text = "Hello <s> there   you"
    assert again.encode(text) == tokenizer.encode(text)
    assert again.control == tokenizer.control


@pytest.mark.model
def test_the_default_model_keeps_its_control_tokens_to_itself(smollm2_tokenizer: HFTokenizer) -> None:
    tokenizer = smollm2_tokenizer
    words = [tokenizer._backend.id_to_token(i) for i in sorted(tokenizer.control)]
    assert len(words) == 17
    for text in (*words, *("\u200b".join(word) for word in words), *(f"x{word}y" for word in words)):
        assert not tokenizer.control & set(tokenizer.encode(text))
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.fixture(scope="module")
def smollm2_tokenizer() -> HFTokenizer:
    from transformers import AutoTokenizer

    from bot.engine.tokenizer.files import wrap_tokenizer

    source = locate_model(ModelSettings(name=DEFAULT_MODEL))
    assert source.path is not None
    return wrap_tokenizer(AutoTokenizer.from_pretrained(source.path.parent, gguf_file=source.path.name))


def test_the_definition_is_a_tokenizer_json() -> None:
    assert {"model", "added_tokens", "decoder"} <= set(json.loads(made("unigram").definition))
