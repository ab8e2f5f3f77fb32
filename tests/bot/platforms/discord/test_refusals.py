"""Refusals of Discord: the message goes the next best way, and only then is it given up, visibly."""

import logging
from typing import Any

import pytest

from bot.chat.delivery import DeliveryRefused, RetryLater
from bot.platforms.discord.refusals import _REFUSALS, Remedy
from tests.conftest import MARA
from tests.fakes.discord_server import answer
from tests.fixtures.discord_bot import DiscordStage
from tests.fixtures.discord_outlet import POST, outgoing, outlet, sent_texts


def refusal(code: int, status: int = 400, **more: Any) -> Any:
    return answer(status, {"message": "No.", "code": code, **more})


UNKNOWN_REFERENCE = {
    "message_reference": {"_errors": [{"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown message"}]}
}


def account_only(stage: DiscordStage) -> None:
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks"])


@pytest.mark.parametrize(
    "fault",
    [refusal(160002), refusal(50035, errors=UNKNOWN_REFERENCE), refusal(50021), refusal(50068)],
    ids=["160002", "50035", "50021", "50068"],
)
async def test_what_may_not_be_a_reply_is_sent_without_the_reference(stage: DiscordStage, fault: Any) -> None:
    account_only(stage)
    stage.fake.faults.script(POST["account"], fault)
    stage.call("Rain?")
    await stage.says("**Mara**\nAnswer 1.")
    assert list(stage.quay.messages.values())[-1].reply_to is None


async def test_a_message_to_reply_to_that_is_unknown_costs_the_reference(stage: DiscordStage) -> None:
    account_only(stage)
    stage.fake.faults.script(POST["account"], refusal(10008, 404), refusal(10008, 404))
    stage.call("Rain?")
    await stage.says("**Mara**\nAnswer 1.")
    assert list(stage.quay.messages.values())[-1].reply_to is None


async def test_without_the_permission_to_read_history_answers_are_no_replies(stage: DiscordStage) -> None:
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks", "read_message_history"])
    for number in (1, 2):
        stage.call("Rain?")
        await stage.says(f"**Mara**\nAnswer {number}.")


@pytest.mark.parametrize("code", [10016, 30007, 50001, 50013, 50024, 50035, 50073, 220004, 99999])
async def test_what_no_webhook_may_send_is_sent_by_the_account(stage: DiscordStage, code: int) -> None:
    stage.fake.faults.script(POST["webhook"], refusal(code, 403 if code in (50001, 50013) else 400))
    stage.call("Rain?")
    await stage.says("**Mara**\nAnswer 1.")


@pytest.mark.parametrize("code", [10015, 50027])
async def test_another_webhook_takes_the_place_of_one_that_is_gone(stage: DiscordStage, code: int) -> None:
    stage.fake.faults.script(POST["webhook"], refusal(code, 404 if code == 10015 else 401))
    stage.call("Rain?")
    await stage.says("Answer 1.")
    stage.fake.faults.script(POST["webhook"], refusal(code), refusal(code))
    stage.call("Rain?")
    await stage.says("**Mara**\nAnswer 2.")


@pytest.mark.parametrize("code", [20016, 20028, 20029, 40003, 40004, 40006, 40062, 110001, 130000])
async def test_what_passes_is_waited_out(stage: DiscordStage, sender: str, code: int) -> None:
    stage.fake.faults.script(POST[sender], refusal(code))
    with pytest.raises(RetryLater, match=f"code {code}"):
        await outlet(stage).send(outgoing(stage), MARA if sender == "webhook" else None)
    assert len(stage.fake.sent(POST[sender])) == 1


@pytest.mark.parametrize("code", [30007, 30058])
async def test_a_full_channel_or_server_costs_the_webhook_alone(stage: DiscordStage, code: int) -> None:
    stage.fake.faults.script("POST /channels/*/webhooks", refusal(code))
    stage.call("Rain?")
    await stage.says("**Mara**\nAnswer 1.")


@pytest.mark.parametrize("code", [50035, 50013, 50024, 99999])
async def test_a_webhook_that_cannot_be_made_costs_the_webhook_alone(stage: DiscordStage, code: int) -> None:
    stage.fake.faults.script("POST /channels/*/webhooks", refusal(code), refusal(code))
    stage.call("Rain?")
    await stage.says("**Mara**\nAnswer 1.")


@pytest.mark.parametrize("account", [True, False])
@pytest.mark.parametrize("code", [30033, 50083, 160005])
async def test_what_a_thread_does_not_take_is_sent_in_its_channel(
    stage: DiscordStage, account: bool, code: int
) -> None:
    if account:
        account_only(stage)
    thread = stage.fake.thread(stage.quay)
    route = POST["account" if account else "webhook"]
    tries = 1 if code == 30033 else 2  # a closed thread is opened again, and tried once more
    stage.fake.faults.script(route, *[refusal(code)] * tries)
    stage.call("Rain?", channel=thread)
    await stage.fake.until(lambda: sent_texts(stage.quay) == ["Answer 1."])
    stage.call("And now?", channel=thread)
    await stage.fake.until(lambda: sent_texts(stage.quay) == ["Answer 1.", "Answer 2."])
    await stage.idle()
    assert sent_texts(thread) == []
    assert (await stage.memory.status()).unsent == 0


async def test_a_thread_that_is_archived_is_opened_again_where_the_bot_may(stage: DiscordStage) -> None:
    thread = stage.fake.thread(stage.quay, owner=stage.fake.bot)
    stage.call("Rain?", channel=thread)
    await stage.fake.until(lambda: sent_texts(thread) == ["Answer 1."])
    await stage.idle()
    thread.archived, thread.locked = True, True
    stage.call("And now?", channel=thread)
    await stage.fake.until(lambda: sent_texts(thread) == ["Answer 1.", "Answer 2."])
    assert not thread.archived


async def test_an_archived_and_locked_thread_is_answered_in_its_channel(stage: DiscordStage) -> None:
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_threads"])
    thread = stage.fake.thread(stage.quay)
    thread.archived, thread.locked = True, True
    stage.engine.script.append(" ".join(f"word{number}" for number in range(12)))
    stage.engine.delay = 0.02
    stage.call("Rain?", channel=thread)
    whole = " ".join(f"word{number}" for number in range(12))
    await stage.fake.until(lambda: sent_texts(stage.quay) == [whole])
    await stage.idle()
    assert sent_texts(stage.quay) == [whole]


async def test_without_the_permission_to_write_in_threads_the_channel_is_written_to(
    stage: DiscordStage,
) -> None:
    thread = stage.fake.thread(stage.quay)
    stage.fake.permit(stage.quay, stage.fake.bot, deny=["manage_webhooks", "send_messages_in_threads"])
    stage.call("Rain?", channel=thread)
    await stage.says("**Mara**\nAnswer 1.")


async def test_nothing_of_a_private_thread_is_shown_to_its_channel(
    stage: DiscordStage, caplog: pytest.LogCaptureFixture
) -> None:
    thread = stage.fake.thread(stage.quay, private=True)
    stage.fake.faults.script(POST["webhook"], *[refusal(160005)] * 9)
    stage.fake.faults.script(POST["account"], *[refusal(160005)] * 9)
    stage.call("Rain?", channel=thread)
    await stage.fake.until(lambda: "send_refused" in caplog.messages)
    assert sent_texts(stage.quay) == []


@pytest.mark.parametrize("code", [20009, 200000, 240000])
async def test_an_answer_that_a_filter_blocks_is_told_of_once(
    stage: DiscordStage, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    stage.engine.script.append("x " * 1500)  # two parts
    stage.fake.faults.script(POST["webhook"], *[refusal(code)] * 9)
    stage.call("Rain?")
    await stage.fake.until(lambda: caplog.messages.count("send_refused") == 2)
    await stage.idle()
    assert sent_texts(stage.quay) == ["A filter of this server does not let the answer through."]


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        (50001, 403, "the bot cannot see the channel: give it the permission View Channel"),
        (50013, 403, "the bot lacks the permission Send Messages"),
        (50006, 400, "there are no words to send"),
        (50007, 403, "this person takes no direct messages from the bot"),
        (50278, 403, "the bot shares no server with this person any more"),
        (77777, 400, "Discord refuses the message"),
    ],
)
async def test_what_no_way_helps_is_given_up_with_code_and_remedy(
    stage: DiscordStage, code: int, status: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    account_only(stage)
    stage.fake.faults.script(POST["account"], *[refusal(code, status)] * 9)
    stage.call("Rain?")
    await stage.fake.until(lambda: "send_refused" in caplog.messages)
    (record,) = (r for r in caplog.records if r.getMessage() == "send_refused")
    assert record.levelno == logging.ERROR
    assert record.__dict__["reason"].startswith(reason)
    assert record.__dict__["reason"].endswith(f"({status}, code {code})")


@pytest.mark.parametrize("code", [20022, 30046])
async def test_an_edit_that_discord_refuses_becomes_a_message(stage: DiscordStage, code: int) -> None:
    stage.engine.script.append("one two three four five six")
    stage.engine.delay = 0.05
    stage.fake.faults.script("PATCH /webhooks/*", *[refusal(code)] * 99)
    stage.call("Rain?")
    await stage.fake.until(lambda: stage.quay.texts[-1] == "one two three four five six")


def test_every_way_is_used_and_every_meaning_is_told() -> None:
    assert {refusal.remedy for refusal in _REFUSALS.values()} == set(Remedy)
    assert all(refusal.meaning and "\n" not in refusal.meaning for refusal in _REFUSALS.values())


async def test_a_message_without_words_is_not_sent(stage: DiscordStage) -> None:
    with pytest.raises(DeliveryRefused, match="no words"):
        await outlet(stage).send(outgoing(stage, text=" \n"), None)
    assert stage.fake.sent(POST["account"]) == []
