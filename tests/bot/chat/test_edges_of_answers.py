"""Edges of an answer, from engine to memory and outlet: own labels, lines of others, nicknames, cuts."""

import logging

import pytest

from bot.chat.commands import Level, run_line
from bot.chat.delivery import MAX_REPLY
from bot.chat.responder import MAX_DRAWS
from bot.chat.text_steps import apply_text_steps
from bot.engine.interface import Finish
from bot.message import Author
from tests.conftest import MARA, PLACE, Stage
from tests.fakes.model import CutText


async def why(stage: Stage) -> str:
    return await run_line("/why", stage.chat, stage.memory, PLACE, Author("ana", "Ana"), Level.OWNER)


async def posted(stage: Stage, answer: str, name: str = "Ann") -> str:
    """Let a person of that name speak, and the engine answer; return the text that is posted and stored."""
    stage.engine.script.append(answer)
    await stage.say("tea?", name)
    ((key, text),) = stage.outlet.sent
    assert (key, await stage.history()) == ("mara", [f"{name}: tea?", f"Mara: {text}"])
    assert all(text.startswith(shown) for shown in stage.outlet.shown)
    return text


@pytest.mark.parametrize(
    "answer",
    [
        "**Mara:** hi",
        "[Mara]: hi",
        "Mara : hi",
        "Mara (smiling): hi",
        "Mara: Mara: hi",
        "<Mara> hi",
        "## Mara\nhi",
    ],
)
async def test_the_own_name_in_any_dress_is_not_posted(stage: Stage, answer: str) -> None:
    """riverscuomo/cuomputer#77; SillyTavern/SillyTavern#5630."""
    assert await posted(stage, answer) == "hi"


async def test_the_own_name_before_a_later_line_is_not_posted(stage: Stage) -> None:
    """riverscuomo/cuomputer#77; SillyTavern/SillyTavern#5630."""
    assert await posted(stage, "Hi.\nMara: And you?") == "Hi.\nAnd you?"


async def test_of_an_answer_that_another_speaker_begins_the_own_part_is_posted(stage: Stage) -> None:
    """SillyTavern/SillyTavern#2816."""
    assert await posted(stage, "Ann: yes, please.\nMara: Here you are.") == "Here you are."


async def test_an_answer_of_another_speaker_alone_is_drawn_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """SillyTavern/SillyTavern#2816."""
    stage.engine.script.append("Ann: yes, please.")
    with caplog.at_level(logging.INFO):
        assert await posted(stage, "Here you are.") == "Here you are."
    first, second = stage.engine.requests
    assert (first.ids, first.seed == second.seed) == (second.ids, False)
    assert "answer    6 tokens, drawn 2 times, ended by stop" in await why(stage)
    assert "answer_of_another_speaker" in caplog.messages


async def test_an_answer_of_others_is_drawn_a_few_times_and_then_given_up(stage: Stage) -> None:
    stage.engine.script.extend(["Ann: yes, please."] * 10)
    await stage.say("tea?", "Ann")
    assert stage.outlet.sent == [(None, "Mara found no words; ask again.")]
    assert (len(stage.engine.requests), stage.outlet.shown) == (MAX_DRAWS, [])


async def test_all_draws_have_the_deadline_of_one_answer(stage: Stage) -> None:
    stage.engine.delay = 0.01
    stage.engine.script.extend(["Ann: yes, please.", "Ann: yes.", "Aye."])
    await stage.say("tea?", "Ann")
    whole = stage.chat.settings.deadline
    assert [round(whole - request.deadline, 3) for request in stage.engine.requests] == [0.0, 0.03, 0.05]


@pytest.mark.parametrize(
    "name", ["https", "Note", "1", "Summary", "A", "Example", "PS", "Ingredients", "Hinweis", "def"]
)
async def test_a_nickname_cuts_nobodys_answer(stage: Stage, name: str) -> None:
    """SillyTavern/SillyTavern#3302 and #2536, in a direct chat."""
    answer = f"Here are links:\n{name}://a.example\n{name}://b.example\n\n{name}: bring boots\nAnd a rope."
    assert await posted(stage, answer, name) == answer
    assert "ended by stop" in await why(stage)


async def test_a_nickname_of_a_group_cuts_nobodys_answer(stage: Stage) -> None:
    """SillyTavern/SillyTavern#3302 and #2536, in a channel."""
    await stage.say("hello", "https", "")
    answer = "Here are links:\nhttps://a.example\nhttps://b.example"
    stage.engine.script.append(answer)
    await stage.say("links, please", "Ann", "mention")
    assert stage.outlet.sent == [("mara", answer)]


async def test_a_later_line_of_another_speaker_ends_the_answer_and_the_generation(stage: Stage) -> None:
    stage.engine.script.append("Here you are.\nAnn: thanks! " + "and on " * 1000)
    await stage.say("tea?", "Ann")
    assert stage.outlet.sent == [("mara", "Here you are.")]
    (explained,) = [line for line in (await why(stage)).splitlines() if line.startswith("answer")]
    assert "ended by the line of another speaker" in explained
    assert stage.outlet.shown[-1] == "Here you are."


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("The lamp went out and she", "The lamp went out and she…"),
        ("The lamp went out. She ran and", "The lamp went out."),
        ("**The lamp** went out. **She ran", "**The lamp** went out."),
        ("**The lamp went out and she", "**The lamp went out and she**…"),
        ("Look:\n```py\nx = 1\ny = 2\nz", "Look:\n```py\nx = 1\ny = 2\n```\n…"),
    ],
)
async def test_an_answer_cut_at_max_tokens_ends_at_a_sentence_or_is_visibly_unfinished(
    stage: Stage, answer: str, text: str
) -> None:
    """oobabooga/textgen#6936; agnaistic/agnai#824."""
    stage.engine.script.append(CutText(answer))
    await stage.say("tea?")
    assert stage.outlet.sent == [("mara", text)]
    assert await stage.history() == ["Ana: tea?", f"Mara: {text}"]
    assert "ended by length" in await why(stage)


@pytest.mark.parametrize("finish", ["cancelled", "deadline"])
def test_an_answer_that_a_person_or_a_deadline_ended_has_its_marks_closed(finish: Finish) -> None:
    assert apply_text_steps("Hi. **The lamp went", MARA, whole=True, finish=finish) == "Hi. **The lamp went**"


async def test_an_answer_that_ends_by_itself_stays_as_it_is(stage: Stage) -> None:
    assert await posted(stage, "The lamp went out and **she") == "The lamp went out and **she"


async def test_a_reply_beyond_the_bound_ends_at_a_sentence_with_its_marks_closed(stage: Stage) -> None:
    stage.engine.script.append("**" + "The lamp went out. " * 2000)
    await stage.say("tea?")
    (reply,) = [message.text for message in await stage.memory.history(PLACE) if message.persona]
    assert MAX_REPLY - 200 < len(reply) <= MAX_REPLY
    assert reply.endswith("The lamp went out.** …")
