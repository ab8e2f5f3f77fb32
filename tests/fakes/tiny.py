"""Tiny models, tokenizers and adapters, made in the test run: mechanics without weights worth having."""

from collections.abc import Callable
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEXTS = [
    "Hello there, how are you today? I am fine, thank you, and the weather is good.",
    "The lighthouse keeper wrote a long letter to the people of the island.",
    "Это не первый раз; 这是一个测试; naïve café 😀 a_b-c (d) [e] {f} <g> |h|",
] * 8
SPECIAL = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]


def byte_level() -> Tokenizer:
    """Byte-level BPE, as GPT-2, Llama 3, Qwen and SmolLM2 have it, with white-space tokens added."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(TEXTS, _bpe(SPECIAL, initial_alphabet=alphabet))
    tokenizer.add_special_tokens(["<|tool|>"])
    tokenizer.add_tokens([AddedToken("   ", normalized=False), AddedToken("<mark>", normalized=False)])
    return tokenizer


def byte_fallback() -> Tokenizer:
    """BPE over U+2581 with bytes for what it does not know, as Llama 2 and Mistral have it."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer.train_from_iterator(TEXTS, _bpe(SPECIAL + bytes_))
    return tokenizer


def unigram() -> Tokenizer:
    """Unigram with Metaspace, as T5 and XLNet have it; its control tokens are pieces of the vocabulary."""
    pieces = [(token, -1.0) for token in SPECIAL]
    characters = sorted({character for text in TEXTS for character in text.replace(" ", "▁")})
    pieces += [(character, -5.0) for character in characters] + [("▁the", -4.0), ("▁is", -4.0), ("ing", -4.5)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def wordpiece() -> Tokenizer:
    """WordPiece, as BERT has it."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    special = ["[UNK]", "[CLS]", "[SEP]", *SPECIAL]
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "byte-level": byte_level,
    "byte-fallback": byte_fallback,
    "unigram": unigram,
    "wordpiece": wordpiece,
}


def save_model(folder: Path, **config: object) -> Path:
    """A Llama of two layers with random weights, in safetensors, with a byte-level tokenizer."""
    tokenizer = byte_level()
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    shape = sizes | {"num_key_value_heads": 2, "vocab_size": tokenizer.get_vocab_size()} | config
    torch.manual_seed(7)
    model = LlamaForCausalLM(LlamaConfig(**shape, bos_token_id=1, eos_token_id=2, initializer_range=0.3))
    model.save_pretrained(folder)
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return folder


def save_adapter(folder: Path, base: Path, seed: int = 1, **config: object) -> Path:
    """A LoRA made by PEFT for the model in `base`, with weights that change its answers."""
    torch.manual_seed(seed)
    settings = {"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj", "down_proj"]} | config
    model = get_peft_model(
        LlamaForCausalLM.from_pretrained(base),
        LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **settings),
    )
    model.save_pretrained(folder)
    return folder


def _bpe(special: list[str], **more: object) -> trainers.BpeTrainer:
    return trainers.BpeTrainer(
        vocab_size=400 + len(special), special_tokens=special, show_progress=False, **more
    )
