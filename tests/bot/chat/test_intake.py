"""Intake: messages that are stored, ignored, refused, given up, edited, deleted and moved."""

import asyncio
from dataclasses import replace

from bot.chat.delivery import ChatMoved
from bot.chat.intake import BUSY
from bot.message import Place
from tests.conftest import PLACE, Stage


async def test_a_message_received_three_times_is_answered_once(stage: Stage) -> None:
    message = stage.message("Rain?")
    for _ in range(3):
        await stage.chat.receive(message)
    await stage.chat.worker(PLACE).idle()
    assert len(stage.outlet.sent) == 1


async def test_an_ignored_message_stands_in_the_next_prompt(stage: Stage) -> None:
    await stage.say("We talk about boats.", address="")
    await stage.say("Ozzo, bring tea!", name="Bo", address="")
    assert stage.outlet.sent == [("ozzo", "Answer 1.")]
    assert "Ana: We talk about boats.\nBo: Ozzo, bring tea!" in stage.engine.prompts()[0]


async def test_a_listening_place_answers_every_message(stage: Stage) -> None:
    await stage.memory.set_setting(str(PLACE), "listen", "on")
    await stage.say("Anybody?", address="")
    assert stage.outlet.sent == [("mara", "Answer 1.")]


async def test_a_reply_to_a_personas_message_is_answered_by_that_persona(stage: Stage) -> None:
    await stage.say("Ozzo, tea!", address="")
    reply = replace(stage.message("Two sugars.", address=""), reply_to="sent-1")
    await stage.chat.receive(reply)
    await stage.chat.worker(PLACE).idle()
    assert stage.outlet.sent[-1] == ("ozzo", "Answer 2.")
    found = await stage.memory.why(PLACE)
    assert found
    assert found.rule == "a reply to it"


async def test_two_bots_do_not_talk_for_ever(stage: Stage) -> None:
    await stage.memory.set_setting(str(PLACE), "bots", "on")
    await stage.say("Talk to each other.", name="Ana")
    for _ in range(20):
        said = stage.message("And you?", name="Robo")
        await stage.chat.receive(replace(said, author=replace(said.author, is_bot=True)))
        await stage.chat.worker(PLACE).idle()
    assert len(stage.outlet.sent) == 4
    await stage.say("Go on.", name="Ana")
    assert len(stage.outlet.sent) == 5


async def test_other_bots_are_not_answered_unless_that_is_set(stage: Stage) -> None:
    said = stage.message("Beep.", name="Robo")
    await stage.chat.receive(replace(said, author=replace(said.author, is_bot=True)))
    await stage.chat.worker(PLACE).idle()
    assert stage.outlet.sent == []
    assert await stage.history() == ["Robo: Beep."]


async def test_a_flood_is_refused_with_one_notice_and_all_messages_are_decided(stage: Stage) -> None:
    await stage.restart(waiting=3)
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("0"))
    await stage.engine.holding.wait()
    for number in range(1, 9):
        await stage.chat.receive(stage.message(str(number), name=f"P{number}"))
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()
    assert [text for speaker, text in stage.outlet.sent if speaker is None] == [BUSY]
    inbox = (await stage.memory.status()).inbox
    assert (inbox["answered"], inbox["given_up"], inbox.get("accepted", 0)) == (4, 5, 0)
    await stage.say("later")
    assert stage.outlet.sent[-1] == ("mara", "Answer 3.")


async def test_a_flood_of_one_person_leaves_room_for_others(stage: Stage) -> None:
    await stage.restart(waiting=3)
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("0"))
    await stage.engine.holding.wait()
    for number, name in enumerate(("Mallory",) * 5 + ("Ana", "Ana", "Ole", "Eva", "Ida")):
        await stage.chat.receive(stage.message(str(number), name=name))
    assert [pending.message.author.name for pending in stage.chat.worker(PLACE)._pending] == [
        *("Mallory",) * 3,
        "Ana",
        "Ole",
        "Eva",
    ]
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()


async def test_an_old_message_is_stored_and_not_answered(stage: Stage) -> None:
    old = replace(stage.message("Anybody?"), time=-90_000.0)
    await stage.chat.receive(old)
    await stage.chat.worker(PLACE).idle()
    assert stage.outlet.sent == []
    assert (await stage.memory.status()).inbox == {"ignored": 1}
    assert await stage.history() == ["Ana: Anybody?"]


async def test_a_message_deleted_before_its_reply_gets_none(stage: Stage) -> None:
    await stage.restart(debounce=0.05)
    await stage.chat.receive(stage.message("Forget it"))
    await stage.chat.remove(PLACE, "1")
    await stage.chat.worker(PLACE).idle()
    assert (stage.outlet.sent, await stage.history()) == ([], [])


async def test_a_message_edited_before_its_reply_is_answered_as_edited(stage: Stage) -> None:
    await stage.restart(debounce=0.05)
    await stage.chat.receive(stage.message("Tee?"))
    await stage.chat.edit(replace(stage.message("Tea?"), id="1"))
    await stage.chat.worker(PLACE).idle()
    assert "Tea?" in stage.engine.prompts()[0]
    assert "Tee?" not in stage.engine.prompts()[0]


async def test_a_message_that_waits_in_a_moved_chat_is_answered_in_the_new_place(stage: Stage) -> None:
    new = Place("test", "bot", "new")
    stage.engine.hold, stage.outlet.failures = asyncio.Event(), [ChatMoved(new)]
    await stage.chat.receive(stage.message("one"))
    await stage.engine.holding.wait()
    await stage.chat.receive(stage.message("two", name="Bo"))
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()
    await stage.chat.worker(new).idle()
    assert [text for _, text in stage.outlet.sent] == ["Answer 1.", "Answer 2."]
    assert await stage.history(new) == ["Ana: one", "Mara: Answer 1.", "Bo: two", "Mara: Answer 2."]
    assert (await stage.memory.status()).inbox == {"answered": 2}
