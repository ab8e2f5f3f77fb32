"""Ways to split a text before byte-level BPE, by their names in GGUF files (`tokenizer.ggml.pre`).

The names are llama.cpp's (`src/llama-vocab.cpp`); the patterns are those of the models' own tokenizer.json.
"""

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_SIGNS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
_BLANKS = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CASED = (rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+", rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*")
_SLASHED = r" ?[^\s\p{L}\p{N}]+[\r\n/]*"
_HAN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"


@dataclass(frozen=True, slots=True)
class PreTokenizer:
    """A way to split: patterns, one after the other, each over what the one before left apart.

    Without patterns a text is split as GPT-2 does it, after each digit for `digits`. `nfc`: the text is
    normalised first. `whole_words`: a piece that is a token is taken as it is. `adds_bos`: by default.
    """

    patterns: tuple[str, ...] = ()
    digits: bool = False
    nfc: bool = False
    whole_words: bool = False
    adds_bos: bool = False

    def definition(self) -> Json:
        """Return the pre-tokenizer as tokenizer.json has it."""
        bytes_: Json = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
        steps = [_split(pattern) for pattern in self.patterns]
        if self.digits:
            steps.append({"type": "Digits", "individual_digits": True})
        steps.append(bytes_ | {"use_regex": not self.patterns})
        return {"type": "Sequence", "pretokenizers": steps} if len(steps) > 1 else steps[0]


def _split(pattern: str) -> Json:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _gpt4(digits: str) -> str:
    return "|".join((_CONTRACTIONS, _WORDS, digits, _SIGNS, _BLANKS))


_GPT2 = PreTokenizer()
_GPT2_DIGITS = PreTokenizer(digits=True)
_THREE_DIGITS = (_gpt4(r"\p{N}{1,3}"),)
_LLAMA3 = PreTokenizer(_THREE_DIGITS, whole_words=True, adds_bos=True)
_CL100K = PreTokenizer(_THREE_DIGITS)
_QWEN2 = PreTokenizer((_gpt4(r"\p{N}"),), nfc=True)
_GPT4O = PreTokenizer(
    ("|".join((*(f"{word}{_CONTRACTIONS}?" for word in _CASED), r"\p{N}{1,3}", _SLASHED, _BLANKS)),)
)
_TEKKEN = PreTokenizer(("|".join((*_CASED, r"\p{N}", _SLASHED, _BLANKS)),), whole_words=True, adds_bos=True)
_DEEPSEEK_CODER = PreTokenizer((r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _HAN, r"\p{N}"))
_SEED = PreTokenizer(("|".join((_CONTRACTIONS, _WORDS, r"\p{N}{1}", r" ?[^\s\p{L}\p{N}\r\n]+", _BLANKS)),))
_VIKING = PreTokenizer((r" ?[^(\s|.,!?…。，、।۔،)]+", r"\p{N}"))

PRE_TOKENIZERS: dict[str, PreTokenizer] = {
    **dict.fromkeys(("gpt-2", "phi-2", "gigachat", "a.x-4.0", "mellum", "trillion"), _GPT2),
    **dict.fromkeys(("smollm", "starcoder", "refact", "minerva-7b", "mellum2"), _GPT2_DIGITS),
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "midm-2.0"), _LLAMA3),
    **dict.fromkeys(("smaug-bpe", "dbrx", "glm4", "chatglm-bpe"), _CL100K),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen", "megrez", "kormo"), _QWEN2),
    **dict.fromkeys(("gpt-4o", "kanana2"), _GPT4O),
    "tekken": _TEKKEN,
    "deepseek-coder": _DEEPSEEK_CODER,
    "seed-coder": _SEED,
    "viking": _VIKING,
}
