"""Behaviour of python-telegram-bot while it polls: an upgrade that changes this behaviour fails here."""

import asyncio
import itertools

import pytest
from telegram.error import (
    Conflict,
    InvalidToken,
    NetworkError,
    TelegramError,
)

from tests.fakes.telegram.client import builder, connected, running, script
from tests.fakes.telegram.room import Person
from tests.fakes.telegram_server import (
    TelegramServer,
    bad_gateway,
    stall,
    too_many,
    unauthorized,
)

pytest_plugins = ["tests.fakes.telegram.fixture"]
pytestmark = pytest.mark.usefixtures("durations_as_timedelta")


async def test_updates_are_acknowledged_before_their_handlers_have_run(
    telegram: TelegramServer, ana: Person
) -> None:
    gate = asyncio.Event()
    last = [telegram.say(ana.chat, ana.user, str(n)) for n in range(5)][-1]

    async def handle(_: str) -> None:
        await gate.wait()

    async with running(telegram, handle) as it:
        await telegram.until(lambda: telegram.acknowledged == last.update_id)
        assert it.seen == []
        gate.set()


async def test_the_offset_waits_for_the_queue_to_take_the_update(
    telegram: TelegramServer, ana: Person
) -> None:
    gate = asyncio.Event()

    class Durable(asyncio.Queue[object]):
        async def put(self, item: object) -> None:
            await gate.wait()
            await super().put(item)

    said = telegram.say(ana.chat, ana.user, "hello")
    async with running(telegram, make=builder(telegram).update_queue(Durable())) as it:
        await telegram.until(lambda: telegram.updates.delivered)
        await asyncio.sleep(0.1)
        assert (telegram.acknowledged < (said.update_id or 0), len(telegram.updates.polls)) == (True, 1)
        gate.set()
        await telegram.until(lambda: telegram.acknowledged == said.update_id and it.seen == ["hello"])


async def test_a_full_queue_holds_the_poller_back(telegram: TelegramServer, ana: Person) -> None:
    gate = asyncio.Event()
    said = [telegram.say(ana.chat, ana.user, str(n)) for n in range(9)]

    async def handle(_: str) -> None:
        await gate.wait()

    queue: asyncio.Queue[object] = asyncio.Queue(maxsize=3)
    async with running(telegram, handle, make=builder(telegram).update_queue(queue)):
        await telegram.until(queue.full)
        await asyncio.sleep(0.1)
        assert telegram.acknowledged < (said[0].update_id or 0)
        gate.set()
        await telegram.until(lambda: telegram.acknowledged == said[-1].update_id)


async def test_a_graceful_stop_handles_all_that_is_queued(telegram: TelegramServer, ana: Person) -> None:
    said = [telegram.say(ana.chat, ana.user, str(n)) for n in range(10)]

    async def handle(_: str) -> None:
        await asyncio.sleep(0.02)

    async with running(telegram, handle) as it:
        await telegram.until(lambda: telegram.acknowledged == said[-1].update_id)
        assert len(it.seen) < 10
        await it.stop()
        assert it.seen == [str(n) for n in range(10)]


async def test_one_unparsable_update_stops_the_bot_for_ever(telegram: TelegramServer, ana: Person) -> None:
    chat = ana.chat.wire()
    poison = telegram.push({"message": {"message_id": 9, "date": 10**18, "chat": chat, "text": "poison"}})
    telegram.say(ana.chat, ana.user, "later")
    application = builder(telegram).build()
    async with application:
        await application.updater.start_polling(timeout=10)
        await telegram.until(lambda: len(telegram.updates.polls) > 30)
        assert telegram.acknowledged < poison
        assert application.update_queue.empty()
        telegram.updates.forget()
        await application.updater.stop()


async def test_a_raw_call_reads_what_cannot_be_parsed(telegram: TelegramServer) -> None:
    number = telegram.push({"message": {"date": 10**18}})
    async with connected(telegram) as bot:
        with pytest.warns(UserWarning, match=r"Please use 'Bot\.getUpdates'"):
            raw = await bot.do_api_request("getUpdates", {"timeout": 0})
    assert raw == [{"update_id": number, "message": {"date": 10**18}}]


async def test_a_hung_poll_recovers_and_reports_no_error(telegram: TelegramServer, ana: Person) -> None:
    telegram.fail("getUpdates", stall(30, do=False))
    async with running(telegram, wait=1) as it:
        telegram.say(ana.chat, ana.user, "hello")
        await telegram.until(lambda: it.seen == ["hello"] and telegram.updates.polling)
        assert it.errors == []


async def test_two_pollers_both_meet_a_conflict(telegram: TelegramServer) -> None:
    async with running(telegram) as one, running(telegram) as two:
        await telegram.until(lambda: one.errors and two.errors)
        assert {type(error) for error in one.errors + two.errors} == {Conflict}


async def test_a_bad_gateway_while_polling_is_reported_and_survived(
    telegram: TelegramServer, ana: Person
) -> None:
    telegram.fail("getUpdates", bad_gateway(do=False))
    async with running(telegram) as it:
        telegram.say(ana.chat, ana.user, "hello")
        await telegram.until(lambda: it.seen == ["hello"])
        assert [type(error) for error in it.errors] == [NetworkError]


async def test_a_limit_while_polling_is_waited_out(telegram: TelegramServer, ana: Person) -> None:
    telegram.fail("getUpdates", too_many(1))
    async with running(telegram) as it:
        telegram.say(ana.chat, ana.user, "hello")
        await telegram.until(lambda: it.seen == ["hello"])
        (refused,) = telegram.refusals
        assert telegram.updates.polls[0] - refused.at >= 1.0
        assert it.errors == []


async def test_a_token_that_turns_wrong_ends_polling_without_a_callback(
    telegram: TelegramServer, ana: Person
) -> None:
    telegram.fail("getUpdates", unauthorized(), times=None)
    application = builder(telegram).build()
    errors: list[TelegramError] = []
    async with application:
        await application.updater.start_polling(timeout=1, error_callback=errors.append)
        await telegram.until(lambda: telegram.refusals)
        telegram.heal("getUpdates")
        telegram.say(ana.chat, ana.user, "hello")
        await asyncio.sleep(0.3)
        assert (telegram.updates.polls, errors, application.updater.running) == ([], [], True)
        with pytest.raises(InvalidToken):
            await application.updater.stop()


async def test_an_idle_bot_polls_once_a_timeout(telegram: TelegramServer) -> None:
    telegram.updates.longest = 0.2
    async with running(telegram):
        await telegram.until(lambda: len(telegram.updates.polls) >= 4)
        polls = telegram.updates.polls
        assert all(later - earlier >= 0.19 for earlier, later in itertools.pairwise(polls))


async def test_a_start_removes_the_webhook_first(telegram: TelegramServer) -> None:
    telegram.updates.webhook = "https://example.org/hook"
    async with running(telegram):
        await telegram.until(lambda: telegram.updates.polls)
        assert [call.method for call in telegram.calls][:2] == ["getMe", "deleteWebhook"]


async def test_one_worker_keeps_the_order(telegram: TelegramServer, ana: Person) -> None:
    async def handle(words: str) -> None:
        await asyncio.sleep(0.02 if words == "0" else 0)

    async with running(telegram, handle) as it:
        for n in range(6):
            telegram.say(ana.chat, ana.user, str(n))
        await telegram.until(lambda: telegram.acknowledged == telegram.updates.next_id - 1)
        await it.stop()
        assert it.seen == [str(n) for n in range(6)]


async def test_concurrent_updates_lose_the_order(telegram: TelegramServer, ana: Person) -> None:
    overtaken = asyncio.Event()

    async def handle(words: str) -> None:
        if words == "first":
            await overtaken.wait()
        overtaken.set()

    async with running(telegram, handle, make=builder(telegram).concurrent_updates(8)) as it:
        telegram.say(ana.chat, ana.user, "first")
        telegram.say(ana.chat, ana.user, "second")
        await asyncio.wait_for(overtaken.wait(), 3)
        await telegram.until(lambda: telegram.acknowledged == telegram.updates.next_id - 1)
        await it.stop()
        assert it.seen == ["second", "first"]


async def test_a_second_delivery_is_handled_a_second_time(telegram: TelegramServer, ana: Person) -> None:
    async with running(telegram) as it:
        said = telegram.say(ana.chat, ana.user, "hello")
        await telegram.until(lambda: telegram.acknowledged == said.update_id)
        telegram.repeat(said)
        await telegram.until(lambda: it.seen == ["hello", "hello"])


async def test_a_bot_killed_in_its_poll_leaves_no_conflict_behind(
    telegram: TelegramServer, ana: Person
) -> None:
    process = await script(telegram, "await bot.get_updates(timeout=30)")
    await telegram.until(lambda: telegram.updates.polling, 20)
    process.kill()
    await process.wait()
    telegram.say(ana.chat, ana.user, "hello")
    async with running(telegram) as it:
        await telegram.until(lambda: it.seen == ["hello"])
        assert it.errors == []
