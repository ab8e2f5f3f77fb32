"""The tokenizer inside a GGUF file as a tokenizer.json, read without transformers."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from bot.engine.checkpoint.damage import explained_damage
from bot.engine.checkpoint.gguf.vocabulary import BYTE, CONTROL, UNKNOWN, UNUSED, USER_DEFINED, GgufVocabulary
from bot.engine.tokenizer.pre_tokenizers import PRE_TOKENIZERS, PreTokenizer
from bot.engine.tokenizer.sentencepiece_merges import merges_of
from bot.engine.tokenizer.tokenizer import HFTokenizer
from bot.errors import UserError

Json = dict[str, Any]
BYTE_LEVEL, SENTENCEPIECE = "gpt2", "llama"  # kinds of tokenizers that are served, by llama.cpp's names
_BLANK = "\u2581"
_LONGEST_PIECE = 128  # characters; for longer ones no merges are looked for. Gemma's longest has 31
_OTHER = "take another file of the model, or a folder with its safetensors"
# Phi-3's tokenizer.json strips blanks behind its control tokens but these; GGUF files have no key for it.
_KEEP_BLANKS = ("<unk>", "<s>", "<|endoftext|>")


def read_gguf_tokenizer(vocabulary: GgufVocabulary) -> HFTokenizer:
    """Return the tokenizer; takes a second or two. Raises `UserError` for a damaged or unserved one."""
    check_gguf_tokenizer(vocabulary)
    tokens = vocabulary.tokens
    special = {name: tokens[id] for name, id in vocabulary.special_ids().items() if id < len(tokens)}
    with explained_damage(f"The tokenizer in {vocabulary.path}"):
        definition = json.dumps(_definition(vocabulary, tokens, special), ensure_ascii=False)
        return HFTokenizer(definition, special, vocabulary.chat_template, vocabulary.end_ids())


def check_gguf_tokenizer(vocabulary: GgufVocabulary) -> None:
    """Raise `UserError` for a kind of tokenizer that is not served; reads no token."""
    model, pre, path = vocabulary.model, vocabulary.pre_tokenizer, vocabulary.path
    if model not in (BYTE_LEVEL, SENTENCEPIECE):
        kind = f"of the unknown kind {model[:40]}" if model else "missing"
        raise UserError(f"The tokenizer in {path} is {kind}: {_OTHER}.")
    if model == BYTE_LEVEL and pre not in PRE_TOKENIZERS:
        way = f"in the unknown way {pre[:40]}" if pre else "in a way that the file does not name"
        raise UserError(f"The tokenizer in {path} splits texts {way}: {_OTHER}.")


def _definition(vocabulary: GgufVocabulary, tokens: list[str], special: dict[str, str]) -> Json:
    types = vocabulary.types(len(tokens))
    if vocabulary.model == BYTE_LEVEL:
        way = PRE_TOKENIZERS[vocabulary.pre_tokenizer]
        parts, adds_bos = _byte_level(vocabulary, tokens, types, way), way.adds_bos
    else:
        tokens = [
            token.replace(" ", _BLANK) if kind == USER_DEFINED else token
            for token, kind in zip(tokens, types, strict=True)
        ]
        parts, adds_bos = _sentencepiece(vocabulary, tokens, types, special), True
    bos = special.get("bos_token") if vocabulary.flag("add_bos_token", adds_bos) else None
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": list(_added_tokens(vocabulary, tokens, types)),
        "post_processor": _begin_with(bos, vocabulary.special_ids()["bos_token"]) if bos else None,
        **parts,
    }


def _byte_level(vocabulary: GgufVocabulary, tokens: list[str], types: Any, way: PreTokenizer) -> Json:
    merges = [merge.split(" ") for merge in vocabulary.merges]
    decoder = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    return {
        "normalizer": {"type": "NFC"} if way.nfc else None,
        "pre_tokenizer": way.definition(),
        "decoder": decoder,
        "model": _bpe(_vocabulary_of(tokens, types), merges, ignore_merges=way.whole_words),
    }


def _sentencepiece(
    vocabulary: GgufVocabulary, tokens: list[str], types: Any, special: dict[str, str]
) -> Json:
    by_token = _vocabulary_of(tokens, types)
    # merging makes no control tokens, bytes or unknown ones; those that people defined come before all others
    is_made = ~np.isin(types, (CONTROL, UNKNOWN, BYTE, UNUSED))
    keys = (-vocabulary.scores(len(tokens)).astype(np.float64), types != USER_DEFINED)
    order = [id for id in np.lexsort(keys).tolist() if is_made[id]]
    made = {tokens[id]: id for id in order if by_token.get(tokens[id]) == id}
    ranks = {token: rank for rank, token in enumerate(made) if len(token) <= _LONGEST_PIECE}
    merges = merges_of(made, ranks, shortest_first=vocabulary.architecture.startswith("gemma"))
    prefixed = vocabulary.flag("add_space_prefix", True)
    unknown = {
        "unk_token": special.get("unk_token"),
        "fuse_unk": True,
        "byte_fallback": bool((types == BYTE).any()),
    }
    return _blank_steps(prefixed) | {"model": _bpe(by_token, merges, **unknown)}


def _blank_steps(prefixed: bool) -> Json:
    """Return the steps that write blanks as U+2581, with one before each section or none."""
    replaced = {"type": "Replace", "pattern": {"String": " "}, "content": _BLANK}
    back = {"type": "Replace", "pattern": {"String": _BLANK}, "content": " "}
    decoders: list[Json] = [back, {"type": "ByteFallback"}, {"type": "Fuse"}]
    if not prefixed:
        split = {
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": False,
        }
        decoder: Json = {"type": "Sequence", "decoders": decoders}
        return {"normalizer": replaced, "pre_tokenizer": split, "decoder": decoder}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    prepended = [{"type": "Prepend", "prepend": _BLANK}, replaced]
    return {
        "normalizer": {"type": "Sequence", "normalizers": prepended},
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": [*decoders, strip]},
    }


def _bpe(vocabulary: dict[str, int], merges: Iterable[Any], **more: Any) -> Json:
    model: Json = {"type": "BPE", "dropout": None, "unk_token": None, "fuse_unk": False}
    model |= {"continuing_subword_prefix": None, "end_of_word_suffix": None, "byte_fallback": False}
    return model | {"ignore_merges": False, **more, "vocab": vocabulary, "merges": list(merges)}


def _vocabulary_of(tokens: list[str], types: Any) -> dict[str, int]:
    """Return the id of each token that is used; the first one of a text that stands twice."""
    by_token: dict[str, int] = {}
    for id, (token, kind) in enumerate(zip(tokens, types.tolist(), strict=True)):
        if kind != UNUSED and token:
            by_token.setdefault(token, id)
    return by_token


def _added_tokens(vocabulary: GgufVocabulary, tokens: list[str], types: Any) -> Iterable[Json]:
    strips = vocabulary.architecture == "phi3" and vocabulary.model == SENTENCEPIECE
    plain = {"single_word": False, "lstrip": False, "normalized": False}
    for id in np.flatnonzero(np.isin(types, (CONTROL, UNKNOWN, USER_DEFINED))).tolist():
        if token := tokens[id]:
            is_special = int(types[id]) != USER_DEFINED
            after = strips and is_special and token not in _KEEP_BLANKS
            yield {"id": id, "content": token, **plain, "rstrip": after, "special": is_special}


def _begin_with(token: str, id: int) -> Json:
    def named(index: int) -> list[Json]:
        special = {"SpecialToken": {"id": token, "type_id": index}}
        return [special, {"Sequence": {"id": "AB"[index], "type_id": index}}]

    tokens = {token: {"id": token, "ids": [id], "tokens": [token]}}
    pair = named(0) + named(1)
    return {"type": "TemplateProcessing", "single": named(0), "pair": pair, "special_tokens": tokens}
