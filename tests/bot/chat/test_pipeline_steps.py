"""New steps of the reply pipeline, each added in one place and seen in prompt, preview, memory and outlet."""

import asyncio
import re
from dataclasses import replace

import pytest

from bot.chat import text_steps
from bot.chat.reply_pipeline import ReplyPipeline
from bot.chat.reply_task import ReplyRequest
from bot.chat.responder import GeneratedReply, ReplyContext
from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.persona.persona import Persona
from tests.conftest import PLACE, Stage


def hide_thoughts(text: str, persona: Persona, whole: bool) -> str:
    return re.sub(r"<think>.*?(</think>\s*|\Z)", "", text, flags=re.DOTALL)


async def test_a_text_step_applies_to_the_preview_and_to_the_stored_reply(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_steps, "TEXT_STEPS", (*text_steps.TEXT_STEPS, hide_thoughts))
    stage.engine.script.append("Mara: <think>Is it wet?</think> Aye, it is.")
    await stage.say("Rain?")
    assert stage.outlet.shown == ["Aye,", "Aye, it", "Aye, it is."]
    assert stage.outlet.sent == [("mara", "Aye, it is.")]
    assert await stage.history() == ["Ana: Rain?", "Mara: Aye, it is."]


async def test_a_step_between_generate_and_store_can_replace_the_text(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ReplyPipeline._store

    async def moderate_and_store(
        pipeline: ReplyPipeline, context: ReplyContext, reply: GeneratedReply
    ) -> tuple[Outgoing, ...]:
        reply = replace(reply, text=reply.text.replace("wet", "***"))
        return await store(pipeline, context, reply)

    monkeypatch.setattr(ReplyPipeline, "_store", moderate_and_store)
    stage.engine.script.append("It is wet.")
    await stage.say("Rain?")
    assert stage.outlet.sent == [("mara", "It is ***.")]
    assert await stage.history() == ["Ana: Rain?", "Mara: It is ***."]


async def test_a_step_after_the_context_can_add_to_the_prompt(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_context, lore = ReplyPipeline._read_context, stage.message("The reef sank two ships.", "Bo")

    async def read_context_and_lore(
        pipeline: ReplyPipeline, place: Place, request: ReplyRequest
    ) -> ReplyContext | None:
        context = await read_context(pipeline, place, request)
        return context and replace(context, history=(lore, *context.history))

    monkeypatch.setattr(ReplyPipeline, "_read_context", read_context_and_lore)
    await stage.say("Tell me about the reef.")
    assert "Bo: The reef sank two ships.\nAna: Tell me about the reef.<" in stage.engine.prompts()[0]
    assert await stage.history() == ["Ana: Tell me about the reef.", "Mara: Answer 1."]


async def test_a_step_after_store_can_change_the_last_part(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ReplyPipeline._store

    async def store_and_add_buttons(
        pipeline: ReplyPipeline, context: ReplyContext, reply: GeneratedReply
    ) -> tuple[Outgoing, ...]:
        *parts, last = await store(pipeline, context, reply)
        return (*parts, replace(last, text=f"{last.text} [Again]"))

    monkeypatch.setattr(ReplyPipeline, "_store", store_and_add_buttons)
    stage.outlet.room = 20
    stage.engine.script.append("One sentence here. Another one there.")
    await stage.say("Go on")
    assert [text for _, text in stage.outlet.sent] == ["One sentence here.", "Another one there. [Again]"]


async def test_a_reply_that_is_superseded_counts_as_no_attempt(stage: Stage) -> None:
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("one"))
    await stage.engine.holding.wait()
    stage.engine.holding.clear()
    assert await stage.memory.attempts(PLACE, "1") == 1
    await stage.chat.receive(stage.message("two"))
    await stage.engine.holding.wait()
    assert [await stage.memory.attempts(PLACE, id) for id in "12"] == [1, 1]
    assert len(stage.engine.requests) == 2
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()


async def test_a_reply_that_is_cancelled_at_shutdown_counts_as_no_attempt(stage: Stage) -> None:
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("one"))
    await stage.engine.holding.wait()
    await stage.chat.close(grace=5)
    assert await stage.memory.attempts(PLACE, "1") == 0
    assert (await stage.memory.status()).inbox == {"accepted": 1}
