"""The whole story of a message, with a scripted model and a real database."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.chat.delivery import ChatMoved
from bot.chat.intake import BUSY, LATE
from bot.chat.proactive import greet, regenerate
from bot.errors import UserError
from bot.memory.queries.records import Outgoing
from bot.message import Place
from bot.persona.card import Card
from bot.persona.persona import Persona, Sampling
from tests.conftest import PLACE, Stage


async def test_a_message_is_answered_shown_while_it_comes_and_sent_once(stage: Stage) -> None:
    stage.engine.script.append("Aye, it is wet.")
    await stage.say("Rain?")
    assert stage.outlet.shown == ["Aye,", "Aye, it", "Aye, it is", "Aye, it is wet."]
    assert stage.outlet.sent == [("mara", "Aye, it is wet.")]
    assert stage.outlet.typed == ["mara begins", "mara ends"]
    assert await stage.history() == ["Ana: Rain?", "Mara: Aye, it is wet."]


async def test_the_same_message_is_answered_once(stage: Stage) -> None:
    message = stage.message("Rain?")
    for _ in range(3):
        await stage.chat.receive(message)
    await stage.chat.worker(PLACE).idle()
    assert len(stage.outlet.sent) == 1


async def test_what_calls_for_no_answer_is_remembered(stage: Stage) -> None:
    await stage.say("We talk about boats.", address="")
    await stage.say("Ozzo, bring tea!", name="Bo", address="")
    assert stage.outlet.sent == [("ozzo", "Answer 1.")]
    assert "Ana: We talk about boats.\nBo: Ozzo, bring tea!" in stage.engine.prompts()[0]


async def test_a_listening_place_answers_everything(stage: Stage) -> None:
    await stage.memory.set_setting(str(PLACE), "listen", "on")
    await stage.say("Anybody?", address="")
    assert stage.outlet.sent == [("mara", "Answer 1.")]


async def test_the_speakers_own_name_before_an_answer_is_left_out(stage: Stage) -> None:
    stage.engine.script.append("Mara: Aye.")
    await stage.say("Rain?")
    assert (stage.outlet.shown, stage.outlet.sent) == (["Aye."], [("mara", "Aye.")])


async def test_a_long_answer_is_sent_in_parts_and_remembered_whole(stage: Stage) -> None:
    stage.outlet.room = 20
    stage.engine.script.append("One sentence here. Another one there.")
    await stage.say("Go on")
    assert [text for _, text in stage.outlet.sent] == ["One sentence here.", "Another one there."]
    assert (await stage.history())[-1] == "Mara: One sentence here. Another one there."


async def test_a_persona_that_writes_in_bursts_sends_a_message_a_line(stage: Stage) -> None:
    stage.chat.cast.personas["mara"] = replace(stage.chat.cast.personas["mara"], bursts=True)
    stage.engine.script.append("Aye.\nIt is wet.\n\nBring a coat.")
    await stage.say("Rain?")
    assert stage.outlet.shown == ["Aye."]
    assert stage.outlet.sent == [("mara", "Aye."), ("mara", "It is wet."), ("mara", "Bring a coat.")]
    assert await stage.history() == ["Ana: Rain?", "Mara: Aye.\nIt is wet.\n\nBring a coat."]


async def test_a_burst_is_answered_once(stage: Stage, tmp_path: object) -> None:
    await stage.restart(debounce=0.05)
    for text in ("one", "two", "three"):
        await stage.chat.receive(stage.message(text))
    await stage.chat.worker(PLACE).idle()
    assert len(stage.engine.requests) == 1
    assert "Ana: one\nAna: two\nAna: three<" in stage.engine.prompts()[0]


async def test_the_same_author_going_on_supersedes_an_answer_that_nobody_saw(stage: Stage) -> None:
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("one"))
    await stage.engine.holding.wait()
    await stage.chat.receive(stage.message("two"))
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()
    assert stage.outlet.sent == [("mara", "Answer 2.")]
    assert "Ana: one\nAna: two<" in stage.engine.prompts()[1]


async def test_somebody_elses_message_waits_for_the_next_answer(stage: Stage) -> None:
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("one"))
    await stage.engine.holding.wait()
    await stage.chat.receive(stage.message("two", name="Bo"))
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()
    assert [text for _, text in stage.outlet.sent] == ["Answer 1.", "Answer 2."]


async def test_an_answer_stands_behind_what_its_prompt_had_read(stage: Stage) -> None:
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("one"))
    await stage.engine.holding.wait()
    await stage.chat.receive(stage.message("meanwhile", name="Bo", address=""))
    stage.engine.hold.set()
    await stage.chat.worker(PLACE).idle()
    assert await stage.history() == ["Ana: one", "Mara: Answer 1.", "Bo: meanwhile"]


async def test_places_do_not_wait_for_one_another_nor_read_each_other(stage: Stage) -> None:
    other = Place("test", "bot", "other")
    stage.engine.hold = asyncio.Event()
    await stage.chat.receive(stage.message("slow secret"))
    await stage.engine.holding.wait()
    stage.engine.hold = None
    await stage.say("quick", place=other)
    assert stage.outlet.sent == [("mara", "Answer 2.")]
    assert "secret" not in stage.engine.prompts()[1]


async def test_a_stopped_answer_is_kept_as_far_as_it_came(stage: Stage) -> None:
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


async def test_an_error_for_people_is_said_and_the_message_given_up(stage: Stage) -> None:
    stage.engine.script.append(UserError("Too long: shorten it."))
    await stage.say("Rain?")
    assert stage.outlet.sent == [(None, "Too long: shorten it.")]
    assert dict((await stage.memory.status()).inbox)["given_up"] == 1
    await stage.say("Again?")
    assert stage.outlet.sent[-1] == ("mara", "Answer 2.")


async def test_a_bug_is_logged_without_the_words_and_the_place_goes_on(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.engine.script.append(ZeroDivisionError("boom"))
    with caplog.at_level(logging.DEBUG):
        await stage.say("my private words")
    assert stage.outlet.sent == [(None, "Something went wrong here; the log says what.")]
    assert "boom" in caplog.text
    assert "my private words" not in caplog.text
    await stage.say("Again?")
    assert stage.outlet.sent[-1] == ("mara", "Answer 2.")


async def test_an_empty_answer_is_not_sent(stage: Stage) -> None:
    stage.engine.script.append("Mara:")
    await stage.say("Rain?")
    assert stage.outlet.sent == [(None, "Mara found no words; ask again.")]


async def test_a_whole_answer_may_be_the_beginning_of_a_name(stage: Stage) -> None:
    stage.engine.script.append("Ma")
    await stage.say("Who?")
    assert stage.outlet.sent == [("mara", "Ma")]


async def test_a_broken_adapter_is_told_to_who_waits(stage: Stage) -> None:
    stage.cast.personas["mara"] = Persona("mara", Card(name="Mara"), adapter=stage.folder)
    stage.engine.refused["mara"] = UserError('The adapter "mara" was not loaded.')
    await stage.say("Rain?")
    assert stage.outlet.sent == [(None, 'The adapter "mara" was not loaded.')]


async def test_a_personas_adapter_strength_and_sampling_reach_the_engine(stage: Stage) -> None:
    sampling = Sampling(temperature=0.1, max_tokens=9)
    stage.cast.personas["mara"] = Persona(
        "mara", Card(name="Mara"), adapter=stage.folder, strength=0.5, sampling=sampling
    )
    await stage.say("Rain?")
    (request,) = stage.engine.requests
    assert (request.adapter, request.strength, request.sampling) == ("mara", 0.5, sampling)
    assert (request.place, stage.engine.loaded) == (PLACE, {"mara": stage.folder})


async def test_greetings_are_said_once_and_filled_in(stage: Stage) -> None:
    for _ in range(2):
        await greet(stage.chat, stage.memory, PLACE, "Ana: the {{char}}")
    assert stage.outlet.sent == [("mara", "Sit, Ana the {{char}}.")]


async def test_again_replaces_the_last_answer(stage: Stage) -> None:
    await stage.say("Rain?")
    await regenerate(stage.chat, stage.memory, PLACE, "Ana")
    assert [text for _, text in stage.outlet.sent] == ["Answer 1.", "Answer 2."]
    assert await stage.history() == ["Ana: Rain?", "Mara: Answer 2."]
    assert stage.engine.prompts()[0] == stage.engine.prompts()[1]
    assert stage.engine.requests[0].seed != stage.engine.requests[1].seed


async def test_again_after_a_greeting_gives_the_next_one(stage: Stage) -> None:
    await greet(stage.chat, stage.memory, PLACE, "Ana")
    for _ in range(2):
        await regenerate(stage.chat, stage.memory, PLACE, "Ana")
    assert [text for _, text in stage.outlet.sent] == ["Sit, Ana.", "Door's open, Ana.", "Sit, Ana."]
    assert await stage.history() == ["Mara: Sit, Ana."]


async def test_again_that_fails_is_told_and_the_old_answer_stays(stage: Stage) -> None:
    await stage.say("Rain?")
    stage.engine.script.append(UserError("No memory left."))
    await regenerate(stage.chat, stage.memory, PLACE, "Ana")
    assert stage.outlet.sent[-1] == (None, "No memory left.")
    assert await stage.history() == ["Ana: Rain?", "Mara: Answer 1."]


async def test_a_model_without_a_template_says_what_to_set(stage: Stage) -> None:
    stage.engine._tokenizer.template = None
    await stage.say("Rain?")
    assert "has no chat template: set model.template to chatml, plain or" in stage.outlet.sent[0][1]


async def test_a_persona_that_may_write_more_than_the_model_holds_is_told(stage: Stage) -> None:
    stage.engine.context = 256
    await stage.say("Rain?")
    assert stage.outlet.sent[0][1].startswith("Mara may write 256 tokens, but the model reads and writes 256")


async def test_a_restart_answers_what_was_accepted_and_sends_what_was_not_sent(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    first.outlet.failure = ConnectionError()
    await first.say("one")
    first.outlet.failure = None
    first.engine.hold = asyncio.Event()
    await first.chat.receive(first.message("two"))
    await first.engine.holding.wait()
    await first.stop()

    second = await new_stage().start()
    await second.chat.recover("test", "bot")
    await second.chat.worker(PLACE).idle()
    assert second.outlet.sent == [("mara", "Answer 1."), ("mara", "Answer 1.")]
    assert await second.history() == ["Ana: one", "Mara: Answer 1.", "Ana: two", "Mara: Answer 1."]
    await second.stop()


async def test_a_place_whose_persona_is_gone_says_so_and_goes_on_with_another(stage: Stage) -> None:
    await stage.memory.set_setting(str(PLACE), "persona", "gone")
    await stage.say("Anybody?")
    assert stage.outlet.sent == [(None, "There is no persona 'gone': known are mara, ozzo.")]
    assert dict((await stage.memory.status()).inbox) == {"given_up": 1}
    await stage.memory.set_setting(str(PLACE), "persona", "ozzo")
    await stage.say("And now?")
    assert stage.outlet.sent[-1] == ("ozzo", "Answer 1.")


async def test_a_message_that_ends_the_process_three_times_is_given_up(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    message = first.message("poison")
    await first.memory.accept(message)
    for _ in range(3):
        await first.memory.begin(PLACE, [message.id], "mara", "direct chat")
    await first.chat.recover("test", "bot")
    await first.chat.worker(PLACE).idle()
    assert first.engine.requests == []
    assert dict((await first.memory.status()).inbox)["given_up"] == 1
    await first.stop()


async def test_the_window_moves_in_large_steps_and_is_kept(stage: Stage) -> None:
    stage.engine.context = 900 + 256
    for number in range(30):
        await stage.say(f"{number:03d} " + "x" * 40)
    history = await stage.history()
    assert 4 < len(history) < 60
    assert await stage.memory.is_cut(PLACE)
    assert all(len(request.ids) <= 900 for request in stage.engine.requests)


async def test_a_reply_to_a_personas_words_is_answered_by_that_persona(stage: Stage) -> None:
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


async def test_a_flood_is_refused_once_and_nothing_is_silent(stage: Stage) -> None:
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


async def test_what_was_said_long_ago_is_remembered_and_not_answered(stage: Stage) -> None:
    old = replace(stage.message("Anybody?"), time=-90_000.0)
    await stage.chat.receive(old)
    await stage.chat.worker(PLACE).idle()
    assert stage.outlet.sent == []
    assert (await stage.memory.status()).inbox == {"ignored": 1}
    assert await stage.history() == ["Ana: Anybody?"]


async def test_what_was_accepted_and_grew_old_is_given_up_visibly(new_stage: Callable[[], Stage]) -> None:
    first = await new_stage().start()
    await first.memory.accept(replace(first.message("Anybody?"), time=-90_000.0))
    await first.stop()
    second = await new_stage().start()
    await second.chat.recover("test", "bot")
    await second.chat.worker(PLACE).idle()
    assert second.outlet.sent == [(None, LATE)]
    await second.stop()


async def test_a_message_deleted_before_its_answer_gets_none(stage: Stage) -> None:
    await stage.restart(debounce=0.05)
    await stage.chat.receive(stage.message("Forget it"))
    await stage.chat.remove(PLACE, "1")
    await stage.chat.worker(PLACE).idle()
    assert (stage.outlet.sent, await stage.history()) == ([], [])


async def test_what_is_shown_of_an_answer_goes_when_its_message_is_deleted(stage: Stage) -> None:
    stage.outlet.kept, stage.engine.delay = True, 0.05
    stage.engine.script.append("one two three four")
    await stage.chat.receive(stage.message("Forget it"))
    await stage.outlet.has_shown(2)
    await stage.chat.remove(PLACE, "1")
    await stage.chat.worker(PLACE).idle()
    assert stage.outlet.sent == []
    assert [shown.startswith("shown-") for shown in stage.outlet.removed] == [True]


async def test_an_answer_stays_in_the_message_in_which_it_was_shown(stage: Stage) -> None:
    stage.outlet.kept = True
    await stage.say("Rain?")
    assert (stage.outlet.sent, stage.outlet.removed) == ([("mara", "Answer 1.")], [])


async def test_a_message_edited_before_its_answer_is_answered_as_edited(stage: Stage) -> None:
    await stage.restart(debounce=0.05)
    await stage.chat.receive(stage.message("Tee?"))
    await stage.chat.edit(PLACE, "1", "Tea?")
    await stage.chat.worker(PLACE).idle()
    assert "Tea?" in stage.engine.prompts()[0]
    assert "Tee?" not in stage.engine.prompts()[0]


async def test_an_answer_that_somebody_sees_is_ended_with_what_there_is(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    first.outlet.kept = True
    first.engine.delay = 0.05
    first.engine.script.append(" ".join(["word"] * 1000))
    await first.chat.receive(first.message("A story!"))
    await first.outlet.has_shown(3)
    await first.chat.close(grace=5)
    ((speaker, text),) = first.outlet.sent
    assert speaker == "mara"
    assert text.split() == ["word"] * len(text.split())
    assert (await first.memory.status()).inbox == {"answered": 1}
    await first.stop()


async def test_an_answer_cut_off_by_a_crash_is_finished_in_the_message_it_was_shown_in(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    first.outlet.kept = True
    first.engine.delay = 0.05
    first.engine.script.append("one two three four")
    await first.chat.receive(first.message("Count!"))
    await first.outlet.has_shown(2)
    await first.stop()
    second = await new_stage().start()
    second.outlet.kept = True
    seen: list[str | None] = []
    send = second.outlet.send

    async def watched(outgoing: Outgoing, persona: Persona | None) -> str | None:
        seen.append(outgoing.sent_id)
        return await send(outgoing, persona)

    second.outlet.send = watched  # type: ignore[method-assign]
    await second.chat.recover("test", "bot")
    await second.chat.worker(PLACE).idle()
    assert second.outlet.sent == [("mara", "Answer 1.")]
    assert seen[0]
    assert seen[0].startswith("shown-")
    await second.stop()


async def test_who_waits_in_a_chat_that_moves_is_answered_where_it_goes_on(stage: Stage) -> None:
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


async def test_messages_of_one_place_that_were_tried_when_a_process_died_are_answered_each_for_itself(
    new_stage: Callable[[], Stage],
) -> None:
    first = await new_stage().start()
    for text in ("one", "two", "three"):
        message = first.message(text)
        await first.memory.accept(message)
        if text != "one":
            await first.memory.begin(PLACE, [message.id], "mara", "direct chat")
    await first.stop()
    second = await new_stage().start()
    await second.chat.recover("test", "bot")
    await second.chat.worker(PLACE).idle()
    assert await second.history() == [
        *("Ana: one", "Mara: Answer 1."),
        *("Ana: two", "Mara: Answer 2."),
        *("Ana: three", "Mara: Answer 3."),
    ]
    assert ["two" in prompt for prompt in second.engine.prompts()] == [False, True, True]
    await second.stop()


async def test_messages_that_were_tried_when_a_process_died_are_tried_one_at_a_time(
    new_stage: Callable[[], Stage],
) -> None:
    places = [Place("test", "bot", name) for name in "abcd"]
    first = await new_stage().start()
    for place in places:
        message = first.message("Rain?", place=place)
        await first.memory.accept(message)
        await first.memory.begin(place, [message.id], "mara", "direct chat")
    await first.stop()
    second = await new_stage().start()
    second.engine.hold = asyncio.Event()
    await second.chat.recover("test", "bot")
    await second.engine.holding.wait()
    await asyncio.sleep(0.05)
    assert len(second.engine.requests) == 1
    second.engine.hold.set()
    for place in places:
        await second.chat.worker(place).idle()
    assert (await second.memory.status()).inbox == {"answered": 4}
    await second.stop()
