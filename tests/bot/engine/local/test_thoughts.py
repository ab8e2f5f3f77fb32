"""A thought is no part of an answer, whatever its marks are: ZJU-REAL/HugAgentOS#69 and its relatives."""

from pathlib import Path
from typing import Any

import pytest

from bot.engine.interface import Answer, Request
from bot.engine.local.local_engine import LocalEngine
from tests.bot.engine.local.driver import GREEDY, answers, settings
from tests.fakes.chain import save_chain

THOUGHT = ["Ġthe", "Ġkeeper", "Ġwrote"]
WORDS = ["ĠHello", "Ġthere"]
PLAIN_MARKS = {"<think>": False, "</think>": False}
MISTRAL_MARKS = {"[THINK]": True, "[/THINK]": True}
OPENS = "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n"
ASKS = "{% for m in messages %}{{ m.content }}{% endfor %}\n"


async def say(
    folder: Path, tokens: list[str], marks: dict[str, bool], template: str = ASKS, **more: Any
) -> tuple[Answer, ...]:
    """Return the answers of a model that says these tokens, to a prompt that ends as the template does."""
    save_chain(folder / "base", tokens, marks, template)
    async with LocalEngine(settings(folder / "base"), folder) as engine:
        tokenizer = await engine.tokenizer()
        end = template.rpartition("%}")[2]
        ids = tuple(tokenizer.encode_template(f"hi{end}"))
        sampling = GREEDY.model_copy(update={"max_tokens": more.pop("max_tokens", 40)})
        return await answers(engine, Request(ids, sampling, **more))


@pytest.mark.parametrize(
    ("tokens", "marks", "template"),
    [
        pytest.param([*THOUGHT, "</think>", *WORDS], PLAIN_MARKS, OPENS, id="opened by the template"),
        pytest.param(["<think>", *THOUGHT, "</think>", *WORDS], PLAIN_MARKS, ASKS, id="Qwen3"),
        pytest.param(["[THINK]", *THOUGHT, "[/THINK]", *WORDS], MISTRAL_MARKS, ASKS, id="Mistral"),
    ],
)
async def test_an_answer_and_its_pieces_hold_no_thought(
    tmp_path: Path, tokens: list[str], marks: dict[str, bool], template: str
) -> None:
    (answer,) = await say(tmp_path, tokens, marks, template)
    assert (answer.text.strip(), answer.finish, answer.in_thought) == ("Hello there", "stop", False)
    assert answer.thought_tokens >= len(THOUGHT)


async def test_a_thought_that_does_not_end_leaves_no_text(tmp_path: Path) -> None:
    (answer,) = await say(tmp_path, [*THOUGHT, "Ġthe"], PLAIN_MARKS, OPENS, max_tokens=9)
    assert (answer.text, answer.finish, answer.in_thought, answer.thought_tokens) == ("", "length", True, 9)


async def test_an_end_inside_a_thought_leaves_no_text(tmp_path: Path) -> None:
    (answer,) = await say(tmp_path, THOUGHT, PLAIN_MARKS, OPENS)
    assert (answer.text, answer.finish, answer.in_thought) == ("", "stop", True)


@pytest.mark.parametrize("n", [1, 3])
async def test_a_thought_is_closed_when_its_budget_is_used_and_the_answer_has_its_own(
    tmp_path: Path, n: int
) -> None:
    """Behind the closing mark stands a line break, after which the chain begins anew."""
    tokens = ["Ġthe", "Ġkeeper", "Ġthe"]
    found = await say(tmp_path, tokens, PLAIN_MARKS, OPENS, thinking_budget=20, max_tokens=5, n=n)
    for answer in found:
        assert answer.text == "the keeper the keeper the"
        assert (answer.finish, answer.in_thought, answer.tokens) == ("length", False, 20 + 5)


async def test_stop_strings_inside_a_thought_stop_nothing(tmp_path: Path) -> None:
    tokens = [*THOUGHT, "</think>", *WORDS]
    (answer,) = await say(tmp_path, tokens, PLAIN_MARKS, OPENS, stop=("keeper", " there"))
    assert (answer.text, answer.finish) == ("Hello", "stop")


async def test_a_mark_in_a_sentence_is_text(tmp_path: Path) -> None:
    tokens = ["ĠThe", "<think>", "Ġlong", "</think>", *WORDS]
    (answer,) = await say(tmp_path, tokens, PLAIN_MARKS)
    assert answer.text == " The<think> long</think> Hello there"


async def test_end_marks_spelt_as_letters_end_an_answer(tmp_path: Path) -> None:
    tokens = [*WORDS, "<", "/", "s", ">", "Ġlong"]
    (answer,) = await say(tmp_path, tokens, {}, spelt_ends=("</s>",))
    assert (answer.text, answer.finish) == (" Hello there", "stop")


@pytest.mark.parametrize("budget", [0, 20])
async def test_beams_think_as_one_answer_does(tmp_path: Path, budget: int) -> None:
    tokens = ["<think>", *THOUGHT, "</think>", *WORDS]
    (answer,) = await say(tmp_path, tokens, PLAIN_MARKS, beams=3, thinking_budget=budget, length_penalty=0.0)
    assert (answer.text.strip(), answer.finish, answer.in_thought) == ("Hello there", "stop", False)
    assert answer.thought_tokens >= len(THOUGHT)


async def test_beams_close_a_thought_that_has_used_its_tokens_up(tmp_path: Path) -> None:
    tokens = ["<think>", *THOUGHT, "Ġthe"]
    (answer,) = await say(
        tmp_path, tokens, PLAIN_MARKS, beams=3, thinking_budget=12, max_tokens=4, length_penalty=0.0
    )
    assert not answer.in_thought
    assert 10 <= answer.thought_tokens <= 13
