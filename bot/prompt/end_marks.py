"""Marks that end a turn, spelt as letters: a model that writes one as plain text has ended its answer."""

import re
from collections.abc import Sequence
from functools import lru_cache

from bot.prompt.renderer import PromptFormat, stop_conditions

ASKED_IN = 6  # newest messages in which somebody may ask for a mark
_MARK = re.compile(r"<[^<>\s]{1,40}>|\[/?[A-Z_]{1,20}\]")
_KNOWN = (
    "</s>",
    "<eos>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|eot|>",
    "<|end|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|return|>",
    "<|END_OF_TURN_TOKEN|>",
    "<end_of_turn>",
    "<turn|>",
    "<｜end▁of▁sentence｜>",
)


@lru_cache(maxsize=64)
def spelt_ends(reader: PromptFormat) -> tuple[str, ...]:
    """Return the texts of the tokens that end an answer, and the mark by which a textual template does."""
    tokenizer, after = reader.tokenizer, reader.template.named(reader.template.after)
    stop_ids, _ = stop_conditions(reader)
    written = _MARK.match(after.lstrip())
    marks = dict.fromkeys((*_KNOWN, *tokenizer.special.values(), *_MARK.findall(after)))
    ids = {mark: tokenizer.encode_template(mark) for mark in marks if mark.strip()}
    ends = [mark for mark, found in ids.items() if len(found) == 1 and found[0] in stop_ids]
    return tuple(dict.fromkeys((*ends, *([written[0]] if written else []))))


def unasked_ends(reader: PromptFormat, newest: Sequence[str]) -> tuple[str, ...]:
    """Return the marks that end an answer; one of the newest messages' texts was asked for, and is text."""
    return tuple(mark for mark in spelt_ends(reader) if not any(mark in text for text in newest))
