"""Rendered ids are those that the model's own tokenizer gives for the whole text.

ggml-org/llama.cpp#7094, #8655; huggingface/transformers#26891: a blank at the end of template text belongs to
the word behind it, and so does whatever else a tokenizer joins over the border.
"""

from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from bot.config import ModelSettings
from bot.engine.checkpoint.source import DEFAULT_MODEL, locate_model
from bot.engine.tokenizer.files import wrap_tokenizer
from bot.engine.tokenizer.tokenizer import HFTokenizer
from bot.prompt.chat_template import BUILT_IN_TEMPLATES, Role, open_chat_template
from bot.prompt.renderer import PromptFormat, PromptPart, Turn, render_turns
from tests.fakes import templates, tiny

NAMES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
TEXTS = [*tiny.TEXTS, "Mara: user assistant model system [INST] [/INST] hi there.\n\n", "Fine, thanks.\n" * 9]
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
VICUNA = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}USER: {{ m.content }} {% elif m.role == "
    "'system' %}{{ m.content }}\n\n{% else %}ASSISTANT: {{ m.content }}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
TEMPLATES = {
    **BUILT_IN_TEMPLATES,
    **{name: getattr(templates, name) for name in ("GEMMA", "LLAMA2", "MISTRAL", "QWEN", "DATED", "TOOLS")},
    "VICUNA": VICUNA,
}


def trained(tokenizer: Tokenizer, size: int = 700, alphabet: list[str] | None = None) -> Tokenizer:
    """Train a tokenizer with byte tokens, and with merges over blanks and line breaks."""
    special = (
        [*tiny.SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))] if alphabet is None else tiny.SPECIAL
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, show_progress=False, initial_alphabet=alphabet or []
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def sentencepiece(prefix: str) -> Tokenizer:
    """As Llama 2 ("prepend"), Mistral ("first") and Gemma ("never") have it."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    if prefix == "first":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        steps = [normalizers.Prepend("▁")] if prefix == "prepend" else []
        tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    trained(tokenizer)
    tokenizer.add_tokens([AddedToken("▁▁", normalized=False), AddedToken("▁▁▁▁", normalized=False)])
    tokenizer.add_special_tokens([AddedToken("[INST]"), AddedToken("[/INST]")] if prefix == "first" else [])
    return tokenizer


def byte_level(pattern: str | None = None) -> Tokenizer:
    """As GPT-2, Qwen and Llama 3 have it; the last joins a full stop with the line break behind it."""
    tokenizer = Tokenizer(models.BPE())
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    split = [pre_tokenizers.Split(Regex(pattern), "isolated")] if pattern else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*split, plain])
    tokenizer.decoder = decoders.ByteLevel()
    return trained(tokenizer, 700, pre_tokenizers.ByteLevel.alphabet())


def wordpiece() -> Tokenizer:
    """As BERT has it, with every character that the templates write."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>", max_input_chars_per_word=500))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    written = " ".join((*TEMPLATES.values(), "".join(map(chr, range(33, 127))), "Ｑ问答："))
    alphabet = sorted({character for character in written if not character.isspace()})
    trainer = trainers.WordPieceTrainer(
        vocab_size=1200,
        special_tokens=tiny.SPECIAL,
        show_progress=False,
        initial_alphabet=alphabet,
    )
    doubled = [f"{one}{two}" for one in alphabet for two in ("a", one)]
    tokenizer.train_from_iterator([*TEXTS, *(f"x{each}" for each in doubled)], trainer)
    return tokenizer


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "llama 2": lambda: sentencepiece("prepend"),
    "mistral": lambda: sentencepiece("first"),
    "gemma": lambda: sentencepiece("never"),
    "gpt-2": byte_level,
    "llama 3": lambda: byte_level(LLAMA3),
    "unigram": tiny.unigram,
    "byte fallback": tiny.byte_fallback,
    "wordpiece": wordpiece,
}


@cache
def opened(kind: str) -> tuple[PreTrainedTokenizerFast, HFTokenizer]:
    library = PreTrainedTokenizerFast(tokenizer_object=TOKENIZERS[kind](), **NAMES)
    return library, wrap_tokenizer(library)


def rendered(kind: str, source: str, texts: list[str]) -> tuple[list[int], list[int]]:
    """Return the ids of a conversation, and those of the library."""
    library, tokenizer = opened(kind)
    roles: list[Role] = ["user", "assistant"] * len(texts)
    said = list(zip(roles, texts, strict=False))
    template = open_chat_template(source, tokenizer.special, "Mara")
    turns = [Turn(role, (PromptPart("message", text),)) for role, text in said]
    expected = library.apply_chat_template(
        [{"role": role, "content": text} for role, text in said],
        chat_template=template.source,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
        enable_thinking=False,
        char="Mara",
    )
    return list(render_turns(turns, PromptFormat(tokenizer, template, 9000))[0]), expected


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("kind", TOKENIZERS)
def test_ids_are_those_of_apply_chat_template_7094(kind: str, name: str) -> None:
    texts = ["Hello there, how are you today?", "I am fine.", "the weather is good"]
    ids, expected = rendered(kind, TEMPLATES[name], texts)
    assert opened(kind)[0].convert_ids_to_tokens(ids) == opened(kind)[0].convert_ids_to_tokens(expected)


WORDS = st.sampled_from(
    [*"the people of an island and good weather thank you letter hi I 7 42".split(), "a_b-c"]
)
SENTENCES = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)


@given(
    st.sampled_from(["llama 2", "mistral", "gemma", "gpt-2", "llama 3"]),
    st.sampled_from([*TEMPLATES]),
    st.lists(
        st.tuples(SENTENCES, st.sampled_from(["", ".", "?", "!", "..."])).map("".join), min_size=1, max_size=5
    ).filter(lambda texts: len(texts) % 2 == 1),
)
def test_any_ordinary_words_are_encoded_as_the_library_does(kind: str, name: str, texts: list[str]) -> None:
    ids, expected = rendered(kind, TEMPLATES[name], texts)
    assert ids == expected


@pytest.mark.parametrize(
    ("source", "tokens"),
    [
        ("{{ bos_token }}[INST] {{ messages[0].content }}[/INST]", ["<s>", "[INST]", "▁hi", "[/INST]"]),
        ("{{ bos_token }}u: {{ messages[0].content }} a:", ["<s>", "u", ":", "▁hi", "▁", "a", ":"]),
    ],
    ids=["inst", "user"],
)
def test_a_blank_of_the_template_belongs_to_the_word_behind_it(source: str, tokens: list[str]) -> None:
    words = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "▁", "h", "i", "hi", "▁hi", "u", "a", ":"]
    merges = [("h", "i"), ("▁", "hi")]
    backend = Tokenizer(
        models.BPE({word: id for id, word in enumerate(words)}, merges, unk_token="<unk>", fuse_unk=True)
    )
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    backend.add_special_tokens([AddedToken(word, special=True) for word in words[:5]])
    tokenizer = wrap_tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, **NAMES))
    everyone = "{% for m in messages[1:] %}{{ m.content }}{% endfor %}"
    template = open_chat_template(source + everyone, tokenizer.special, "Mara")
    said = [Turn("user", (PromptPart("message", "hi", "1"),))]
    ids, spans = render_turns(said, PromptFormat(tokenizer, template, 9000), answer=False)
    assert [backend.id_to_token(id) for id in ids] == tokens
    assert [
        backend.id_to_token(id) for span in spans if span.source for id in ids[span.start : span.end]
    ] == ["▁hi"]


@given(
    st.sampled_from([*TOKENIZERS]),
    st.sampled_from([*TEMPLATES]),
    st.lists(
        st.text(max_size=6)
        | st.sampled_from(["</s>", "<|im_end|>", "[INST]", "<unk>", "[/INST] ", "<|im_", "\ud800"]),
        min_size=1,
        max_size=4,
    ),
)
def test_content_gives_no_control_token_at_any_border(kind: str, name: str, parts: list[str]) -> None:
    _, tokenizer = opened(kind)
    template = open_chat_template(TEMPLATES[name], tokenizer.special, "Mara")
    reader = PromptFormat(tokenizer, template, 9000)
    forged = Turn("user", tuple(PromptPart("message", part, "1") for part in parts))
    ids, spans = render_turns([forged], reader)
    assert not tokenizer.control & {id for span in spans if span.source for id in ids[span.start : span.end]}
    assert [span.start for span in spans] == [0, *(span.end for span in spans)][:-1]
    plain, _ = render_turns([Turn("user", (PromptPart("message", "a"),))], reader)
    unknown = tokenizer.special["unk_token"]
    controls = tokenizer.control - {*tokenizer.encode_template(unknown)}
    assert [id for id in ids if id in controls] == [id for id in plain if id in controls]


@cache
def default_tokenizer() -> tuple[PreTrainedTokenizerFast, HFTokenizer]:
    source = locate_model(ModelSettings(name=DEFAULT_MODEL))
    assert source.path is not None
    library = AutoTokenizer.from_pretrained(source.path.parent, gguf_file=source.path.name)
    return library, wrap_tokenizer(library)


@pytest.mark.model
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_default_models_ids_are_those_of_apply_chat_template(name: str) -> None:
    library, tokenizer = default_tokenizer()
    template = open_chat_template(TEMPLATES[name], tokenizer.special, "Mara")
    texts = ["Hello there, how are you today?", "I'm fine.\nReally!", "def f():\n    return 1"]
    roles: list[Role] = ["user", "assistant", "user"]
    turns = [Turn(role, (PromptPart("message", text),)) for role, text in zip(roles, texts, strict=True)]
    expected = library.apply_chat_template(
        [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)],
        chat_template=template.source,
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
        enable_thinking=False,
        char="Mara",
    )
    assert list(render_turns(turns, PromptFormat(tokenizer, template, 9000))[0]) == expected
