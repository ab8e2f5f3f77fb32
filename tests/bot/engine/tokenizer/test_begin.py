"""The ids that a tokenizer puts before every text: raw prompts begin with them, once."""

import pytest
from tokenizers import processors

from bot.api.prompts import raw_prompt_ids
from bot.engine.tokenizer.tokenizer import HFTokenizer
from tests.fakes import tiny

NAMED = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def made(template: str) -> HFTokenizer:
    backend = tiny.byte_level()
    special = [("<s>", 1), ("</s>", 2)]
    if template:
        backend.post_processor = processors.TemplateProcessing(single=template, special_tokens=special)
    return HFTokenizer(backend.to_str(), NAMED, None, [2])


@pytest.mark.parametrize(
    ("template", "begin"), [("", ()), ("<s> $A", (1,)), ("$A </s>", ()), ("<s> $A </s>", (1,))]
)
def test_the_ids_before_a_text_are_those_that_the_library_puts_there(
    template: str, begin: tuple[int, ...]
) -> None:
    assert made(template).begin == begin


def test_raw_text_begins_with_them_once() -> None:
    tokenizer = made("<s> $A </s>")
    words = tuple(tokenizer.encode("hello"))
    assert raw_prompt_ids("hello", tokenizer, parse_special=False) == (1, *words)
    assert raw_prompt_ids("<s>hello", tokenizer, parse_special=True)[:2] != (1, 1)
    assert 1 not in raw_prompt_ids("<s>hello", made(""), parse_special=False)
