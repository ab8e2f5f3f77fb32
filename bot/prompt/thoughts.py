"""Marks of a reasoning model's thought, which stands before its answer."""

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class ThoughtMarks:
    """The texts that open and close a thought, mostly tokens of their own."""

    opening: str
    closing: str


# Harmony (gpt-oss) divides an answer into channels, of which people read the last.
CHANNEL, START, MESSAGE, END = "<|channel|>", "<|start|>", "<|message|>", "<|end|>"
FINAL = f"{END}{START}assistant{CHANNEL}final{MESSAGE}"
_PAIRS = (
    ("<think>", "</think>"),  # DeepSeek R1, Qwen3, QwQ, GLM, Phi-4, SmolLM3, MiniMax, Nemotron
    ("[THINK]", "[/THINK]"),  # Mistral
    (f"{CHANNEL}analysis{MESSAGE}", END),
    ("<|channel>", "<channel|>"),  # Gemma
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Cohere
    ("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
    ("<seed:think>", "</seed:think>"),
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),  # EXAONE Deep
    ("<reasoning>", "</reasoning>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("Here is my thought process:", "Here is my response:"),  # Granite
)
WORDS = frozenset(_PAIRS[-1])  # marks that anybody may write: they count where a thought is expected
THOUGHT_MARKS = tuple(ThoughtMarks(*pair) for pair in _PAIRS)
MARK_TOKENS = (CHANNEL, START, MESSAGE, *dict.fromkeys(mark for pair in _PAIRS for mark in pair))
OPENING_TAIL = 64  # ids at the end of a prompt, among which a thought may be opened
_SWITCH = re.compile(r"\benable_thinking\b|\bif (?:not )?thinking\b")


def opened_thought(text: str) -> ThoughtMarks | None:
    """Return the marks of the thought that a prompt with this end has opened."""
    end = text.rstrip()
    return next((marks for marks in THOUGHT_MARKS if end.endswith(marks.opening)), None)


@lru_cache(maxsize=64)
def expects_thought(source: str, thinking: bool) -> bool:
    """Return whether a reasoning model with this chat template thinks: it is asked to, or has no switch."""
    mentions = any(marks.opening in source or marks.closing in source for marks in _TOLD)
    return mentions and (thinking or not _SWITCH.search(source))


_TOLD = (*(marks for marks in THOUGHT_MARKS if marks.closing != END), ThoughtMarks(CHANNEL, CHANNEL))
