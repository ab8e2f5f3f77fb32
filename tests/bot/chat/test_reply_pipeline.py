"""The reply pipeline: context, generate, store and deliver, with a scripted model and a real database."""

import asyncio
from dataclasses import replace

from bot.persona.card import Card
from bot.persona.persona import Persona, Sampling
from tests.conftest import PLACE, Stage


async def test_a_reply_is_shown_while_it_grows_sent_once_and_stored(stage: Stage) -> None:
    stage.engine.script.append("Aye, it is wet.")
    await stage.say("Rain?")
    assert stage.outlet.shown == ["Aye,", "Aye, it", "Aye, it is", "Aye, it is wet."]
    assert stage.outlet.sent == [("mara", "Aye, it is wet.")]
    assert stage.outlet.typed == ["mara begins", "mara ends"]
    assert await stage.history() == ["Ana: Rain?", "Mara: Aye, it is wet."]


async def test_the_personas_own_name_before_a_reply_is_left_out(stage: Stage) -> None:
    stage.engine.script.append("Mara: Aye.")
    await stage.say("Rain?")
    assert (stage.outlet.shown, stage.outlet.sent) == (["Aye."], [("mara", "Aye.")])


async def test_a_long_reply_is_sent_in_parts_and_stored_whole(stage: Stage) -> None:
    stage.outlet.room = 20
    stage.engine.script.append("One sentence here. Another one there.")
    await stage.say("Go on")
    assert [text for _, text in stage.outlet.sent] == ["One sentence here.", "Another one there."]
    assert (await stage.history())[-1] == "Mara: One sentence here. Another one there."


async def test_a_persona_with_bursts_sends_one_message_for_each_line(stage: Stage) -> None:
    stage.chat.cast.personas["mara"] = replace(stage.chat.cast.personas["mara"], bursts=True)
    stage.engine.script.append("Aye.\nIt is wet.\n\nBring a coat.")
    await stage.say("Rain?")
    assert stage.outlet.shown == ["Aye."]
    assert stage.outlet.sent == [("mara", "Aye."), ("mara", "It is wet."), ("mara", "Bring a coat.")]
    assert await stage.history() == ["Ana: Rain?", "Mara: Aye.\nIt is wet.\n\nBring a coat."]


async def test_a_stopped_reply_keeps_the_text_generated_so_far(stage: Stage) -> None:
    stage.engine.script.append("One two three four five six seven eight nine ten.")
    stage.engine.delay = 0.02
    await stage.chat.receive(stage.message("Count"))
    await stage.outlet.has_shown(3)
    assert stage.chat.worker(PLACE).stop()
    await stage.chat.worker(PLACE).idle()
    (sent,) = stage.outlet.sent
    assert sent[1].startswith("One two three")
    assert not sent[1].endswith("ten.")
    assert (await stage.history())[-1] == f"Mara: {sent[1]}"


async def test_a_whole_reply_may_be_the_beginning_of_a_name(stage: Stage) -> None:
    stage.engine.script.append("Ma")
    await stage.say("Who?")
    assert stage.outlet.sent == [("mara", "Ma")]


async def test_a_personas_adapter_strength_and_sampling_reach_the_engine(stage: Stage) -> None:
    sampling = Sampling(temperature=0.1, max_tokens=9)
    stage.cast.personas["mara"] = Persona(
        "mara", Card(name="Mara"), adapter=stage.folder, strength=0.5, sampling=sampling
    )
    await stage.say("Rain?")
    (request,) = stage.engine.requests
    assert (request.adapter, request.strength, request.sampling) == ("mara", 0.5, sampling)
    assert (request.place, stage.engine.loaded) == (PLACE, {"mara": stage.folder})


async def test_the_window_moves_in_large_steps_and_is_kept(stage: Stage) -> None:
    stage.engine.context = 900 + 256
    for number in range(30):
        await stage.say(f"{number:03d} " + "x" * 40)
    history = await stage.history()
    assert 4 < len(history) < 60
    assert await stage.memory.is_cut(PLACE)
    assert all(len(request.ids) <= 900 for request in stage.engine.requests)


async def test_a_reply_stands_behind_the_last_message_of_its_prompt(stage: Stage) -> None:
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("one"))
    await stage.engine.holding.wait()
    await stage.chat.receive(stage.message("meanwhile", name="Bo", address=""))
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()
    assert await stage.history() == ["Ana: one", "Mara: Answer 1.", "Bo: meanwhile"]


async def test_a_preview_is_removed_when_its_message_is_deleted(stage: Stage) -> None:
    stage.outlet.kept, stage.engine.delay = True, 0.05
    stage.engine.script.append("one two three four")
    await stage.chat.receive(stage.message("Forget it"))
    await stage.outlet.has_shown(2)
    await stage.chat.remove(PLACE, "1")
    await stage.chat.worker(PLACE).idle()
    assert stage.outlet.sent == []
    assert [shown.startswith("shown-") for shown in stage.outlet.removed] == [True]


async def test_a_reply_stays_in_the_message_of_its_preview(stage: Stage) -> None:
    stage.outlet.kept = True
    await stage.say("Rain?")
    assert (stage.outlet.sent, stage.outlet.removed) == ([("mara", "Answer 1.")], [])
