"""Thoughts and answers are told apart token by token, in the formats of all families."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken

from bot.engine.core.detokenizer import Detokenizer
from bot.engine.core.thoughts import ThoughtTokens
from bot.engine.tokenizer.tokenizer import HFTokenizer
from bot.prompt.thoughts import MARK_TOKENS, THOUGHT_MARKS, expects_thought, opened_thought
from tests.fakes import tiny
from tests.fakes.templates import QWEN


def tokenizer_with(special: tuple[str, ...], plain: tuple[str, ...]) -> HFTokenizer:
    tokenizer = tiny.byte_level()
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in special])
    tokenizer.add_tokens([AddedToken(mark, normalized=False) for mark in plain])
    return HFTokenizer(tokenizer.to_str(), {"eos_token": "</s>"}, None, [2])


LETTERS = tokenizer_with((), ())
PLAIN = tokenizer_with((), tuple(MARK_TOKENS))
SPECIAL = tokenizer_with(tuple(MARK_TOKENS), ())
TOKENIZERS = {"letters": LETTERS, "plain": PLAIN, "special": SPECIAL}
HARMONY = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}"


def read(tokenizer: HFTokenizer, text: str, prompt: str = "", stop: tuple[str, ...] = ()) -> Detokenizer:
    """Return the state behind a text that a model wrote, token by token."""
    thoughts = ThoughtTokens.of(tokenizer, tokenizer.decode_bytes)
    opened = thoughts.opened_by(tokenizer.encode_template(prompt))
    shown = Detokenizer(tokenizer.decode_bytes, stop, thoughts.marks, opened, expects_thought=True)
    pieces = [shown.push(token) for token in tokenizer.encode_template(text)]
    assert "".join((*pieces, shown.flush())) == shown.text
    return shown


@pytest.mark.parametrize("spelling", TOKENIZERS)
@pytest.mark.parametrize("marks", THOUGHT_MARKS, ids=lambda marks: marks.opening)
@pytest.mark.parametrize("opens", [False, True], ids=["by the model", "by the prompt"])
def test_the_answer_is_what_stands_behind_the_thought(spelling: str, marks: object, opens: bool) -> None:
    opening, closing = marks.opening, marks.closing  # type: ignore[attr-defined]
    prompt, begins = (f"hi{opening}\n", "") if opens else ("hi", opening)
    text = f"{begins}\nthe user is silly.\n{closing}\n\nhi there"
    assert read(TOKENIZERS[spelling], text, prompt).text == "hi there"
    unfinished = read(TOKENIZERS[spelling], f"{begins}the user is silly", prompt)
    assert (unfinished.text, unfinished.thought_closing) == ("", closing)


@pytest.mark.parametrize("spelling", ["letters", "special"])
def test_of_harmonys_channels_the_last_is_the_answer(spelling: str) -> None:
    assert read(TOKENIZERS[spelling], HARMONY.format("silly?", "Hi.")).text == "Hi."


def test_a_channel_may_have_a_header_and_a_thought_several() -> None:
    text = "<|channel|>commentary to=x<|message|>a<|end|><|start|>assistant" + HARMONY.format("b", "Hi.")
    assert read(SPECIAL, text).text == "Hi."
    assert read(SPECIAL, "<|channel|>final<|message|>Hi.").text == "Hi."
    assert read(SPECIAL, "<|channel|>analysis<|message|>only", "<|start|>assistant").text == ""


@pytest.mark.parametrize(
    "text",
    [
        "A <think> tag opens a thought, and </think> ends it.",
        "<thinker> is no mark",
        "<th",
        "Hi </think> there",
        "1 < 2",
        " \n<b>bold</b>",
        "`<think>`",
        "Hi\n<think> in letters",
    ],
)
def test_what_is_said_of_a_mark_is_text(text: str) -> None:
    assert read(LETTERS, text).text == text


def test_a_mark_that_is_a_token_may_stand_in_a_sentence_but_a_special_one_never() -> None:
    assert read(PLAIN, "The <think> tag").text == "The <think> tag"
    assert read(PLAIN, "Hi.\n<think>silly</think>\nthere").text == "Hi.\nthere"
    assert read(SPECIAL, "Hi [THINK]silly[/THINK] there").text == "Hi there"


def test_thoughts_that_follow_one_another_are_all_left_out() -> None:
    assert read(LETTERS, "<think>\n\n</think>\n\n<think>a</think>b").text == "b"
    assert read(LETTERS, "</think>\n\nb").text.strip() == "b"


def test_a_stop_string_counts_in_the_answer_alone() -> None:
    shown = read(LETTERS, "<think>Ana: a\nAna:</think>b\nAna: c", stop=("\nAna:",))
    assert (shown.text, shown.stopped) == ("b", True)


@given(
    st.lists(st.sampled_from(["<", "think", ">", "</think>", "a", " ", "\n", "<think>", "hi"]), max_size=12)
)
def test_pieces_join_to_the_text_wherever_a_mark_is_divided(parts: list[str]) -> None:
    whole = "".join(parts)
    ids = [ord(character) for character in whole]
    shown = Detokenizer(lambda token: chr(token).encode())
    pieces = [shown.push(token) for token in ids]
    pieces.append(shown.flush())
    assert "".join(pieces) == shown.text
    text = whole.lstrip()
    if not text.startswith(("<think>", "</think>")):
        assert shown.text == whole
    elif text.startswith("<think>") and "</think>" not in text:
        assert not shown.text.strip()


def test_an_opened_thought_is_found_at_the_end_of_a_prompt() -> None:
    assert opened_thought("<|im_start|>assistant\n<think>\n") == THOUGHT_MARKS[0]
    assert opened_thought("assistant\n<think>\n\n</think>\n\n") is None
    assert opened_thought("what is <think> for?\nassistant\n") is None


@pytest.mark.parametrize(
    ("source", "thinking", "expected"),
    [
        (QWEN, False, False),
        (QWEN, True, True),
        ("{{ '<think>\n' if add_generation_prompt }}", False, True),
        ("{{ m.content.split('</think>')[-1] }}", False, True),
        ("{{ '<|start|>assistant<|channel|>final<|message|>' }}", False, True),
        ("{{ '<|im_start|>' }}", True, False),
    ],
)
def test_a_template_tells_whether_its_model_will_think(source: str, thinking: bool, expected: bool) -> None:
    assert expects_thought(source, thinking) is expected


@pytest.mark.parametrize(
    ("expects_thought", "shown"),
    [(True, "Tea."), (False, "Here is my thought process: milk. Here is my response: Tea.")],
)
def test_ordinary_words_open_a_thought_only_where_one_is_expected(expects_thought: bool, shown: str) -> None:
    text = Detokenizer(lambda token: chr(token).encode(), expects_thought=expects_thought)
    pieces = [text.push(ord(sign)) for sign in "Here is my thought process: milk. Here is my response: Tea."]
    assert "".join((*pieces, text.flush())).strip() == shown
