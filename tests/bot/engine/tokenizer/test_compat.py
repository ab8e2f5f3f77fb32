"""Parts of tokenizers that no public method gives: an upgrade that changes one of them is noticed here."""

import json

import pytest
from tokenizers import decoders, normalizers, pre_tokenizers

from bot.engine.tokenizer.compat import byte_alphabet, component_state, has_component, make_spliceable
from tests.fakes import tiny


@pytest.mark.parametrize(
    ("component", "state"),
    [
        (None, None),
        (normalizers.Prepend("▁"), {"type": "Prepend", "prepend": "▁"}),
        (
            normalizers.Sequence([normalizers.NFC(), normalizers.Prepend("▁")]),
            {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "▁"}]},
        ),
        (decoders.ByteFallback(), {"type": "ByteFallback"}),
    ],
)
def test_a_component_s_state_is_its_part_of_the_definition(component: object, state: object) -> None:
    assert component_state(component) == state


@pytest.mark.parametrize("kind", tiny.TOKENIZERS)
def test_every_tokenizer_s_state_is_what_its_definition_holds(kind: str) -> None:
    tokenizer = tiny.TOKENIZERS[kind]()
    definition = json.loads(tokenizer.to_str())
    for name in ("normalizer", "pre_tokenizer", "decoder"):
        assert component_state(getattr(tokenizer, name)) == definition[name]


def test_a_sequence_of_decoders_is_searched() -> None:
    state = component_state(decoders.Sequence([decoders.Fuse(), decoders.ByteFallback()]))
    assert has_component(state, "ByteFallback")
    assert not has_component(state, "ByteLevel")


@pytest.mark.parametrize(
    "pre_tokenizer", [pre_tokenizers.ByteLevel(add_prefix_space=True), pre_tokenizers.Metaspace()]
)
def test_a_spliceable_tokenizer_adds_nothing_before_a_text(pre_tokenizer: object) -> None:
    tokenizer = tiny.TOKENIZERS["unigram"]()
    tokenizer.pre_tokenizer = pre_tokenizer
    make_spliceable(tokenizer, tokenizer)
    assert [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str("ab")] == ["ab"]


def test_byte_level_tokenizers_write_every_byte_as_one_character() -> None:
    alphabet = byte_alphabet()
    assert sorted(alphabet.values()) == list(range(256))
    assert set(alphabet) == set(pre_tokenizers.ByteLevel.alphabet())
