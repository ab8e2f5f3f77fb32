"""Dialogues that a data set keeps as a model's prompt: ChatML, Llama 2 and Alpaca, as one text.

The frame is taken away: it belongs to the template, and serving puts the persona's own around the words.
"""

import re
from typing import Literal

Side = Literal["system", "user", "assistant"]
_CHATML = re.compile(r"<\|im_start\|>(system|user|assistant)\n")
_CHATML_END = "<|im_end|>"
_LLAMA = re.compile(r"\[INST\]|\[/INST\]")
_LLAMA_SYSTEM, _LLAMA_SYSTEM_END = "<<SYS>>", "<</SYS>>"
_ALPACA = re.compile(r"(?:\A|\n)### ?(Instruction|Input|Response):")
_ENDS = re.compile(r"\A\s*<s>|</s>\s*\Z")


def split_framed(text: str) -> list[tuple[Side, str]] | None:
    """Return the turns of a framed dialogue, with words or without; None for a text without a frame."""
    if "<|im_start|>" in text:
        return _split_chatml(text)
    if "[INST]" in text:
        return _split_llama(text)
    return _split_alpaca(text) if "### Instruction:" in text or "###Instruction:" in text else None


def _split_chatml(text: str) -> list[tuple[Side, str]] | None:
    before, *parts = _CHATML.split(text)
    if before.strip():
        return None
    named = zip(parts[::2], parts[1::2], strict=True)
    return [(_side(role), words.strip().removesuffix(_CHATML_END).strip()) for role, words in named]


def _split_llama(text: str) -> list[tuple[Side, str]] | None:
    """Split "[INST] question [/INST] answer", where the first question may hold a system text."""
    before, *parts = _LLAMA.split(text)
    marks = _LLAMA.findall(text)
    if _ENDS.sub("", before).strip() or marks != ["[INST]", "[/INST]"] * (len(marks) // 2):
        return None
    turns = list[tuple[Side, str]]()
    for number, part in enumerate(parts):
        words = part.strip()
        if number % 2:
            turns.append(("assistant", words.removesuffix("<s>").strip().removesuffix("</s>").strip()))
            continue
        if words.startswith(_LLAMA_SYSTEM) and _LLAMA_SYSTEM_END in words:
            system, _, words = words.removeprefix(_LLAMA_SYSTEM).partition(_LLAMA_SYSTEM_END)
            turns.append(("system", system.strip()))
        turns.append(("user", words.strip()))
    return turns


def _split_alpaca(text: str) -> list[tuple[Side, str]] | None:
    """Split the frame of one question, its input and its answer; the sentence before it is the frame's."""
    _, *parts = _ALPACA.split(text)
    names, words = parts[::2], [_ENDS.sub("", each).strip() for each in parts[1::2]]
    if names not in (["Instruction", "Response"], ["Instruction", "Input", "Response"]):
        return None
    return [("user", "\n".join(filter(None, words[:-1]))), ("assistant", words[-1])]


def _side(role: str) -> Side:
    return "system" if role == "system" else "user" if role == "user" else "assistant"
