"""Polling of the fake Telegram: offsets, long polls, conflicts and webhooks."""

import asyncio

from tests.fakes.telegram.room import Room

pytest_plugins = ["tests.fakes.telegram.fixture"]


async def test_updates_wait_until_an_offset_acknowledges_them(room: Room) -> None:
    for text in ("one", "two", "three"):
        room.fake.say(room.chat, room.ana, text)
    first = await room.updates(limit=2)
    again = await room.updates(offset=first[0]["update_id"] + 1)
    assert [u["message"]["text"] for u in first] == ["one", "two"]
    assert [u["message"]["text"] for u in again] == ["two", "three"]
    assert room.fake.acknowledged == first[0]["update_id"]


async def test_a_negative_offset_forgets_all_but_the_last(room: Room) -> None:
    for text in ("one", "two", "three"):
        room.fake.say(room.chat, room.ana, text)
    assert [u["message"]["text"] for u in await room.updates(offset=-1)] == ["three"]
    assert len(room.fake.updates.pending) == 1


async def test_a_long_poll_is_answered_as_soon_as_something_is_said(room: Room) -> None:
    poll = asyncio.create_task(room.updates(timeout=30))
    await room.fake.until(lambda: room.fake.updates.polling)
    room.fake.say(room.chat, room.ana, "hello")
    assert [u["message"]["text"] for u in await poll] == ["hello"]


async def test_a_poll_without_news_ends_empty_after_its_timeout(room: Room) -> None:
    room.fake.updates.longest = 0.05
    assert await room.updates(timeout=30) == []


async def test_a_second_poller_ends_the_poll_of_the_first_with_a_conflict(room: Room) -> None:
    first = asyncio.create_task(room.call("getUpdates", timeout=30))
    await room.fake.until(lambda: room.fake.updates.polling)
    second = asyncio.create_task(room.call("getUpdates", timeout=30))
    assert (await first)["description"] == (
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    )
    room.fake.say(room.chat, room.ana, "hello")
    assert len((await second)["result"]) == 1


async def test_a_poller_that_hangs_up_leaves_no_conflict_behind(room: Room) -> None:
    gone = asyncio.create_task(room.call("getUpdates", timeout=30))
    await room.fake.until(lambda: room.fake.updates.polling)
    gone.cancel()
    await room.fake.until(lambda: not room.fake.updates.polling)
    assert await room.updates() == []


async def test_a_webhook_excludes_polling(room: Room) -> None:
    await room.ask("setWebhook", url="https://example.org/hook")
    assert (await room.ask("getWebhookInfo"))["url"] == "https://example.org/hook"
    assert (await room.refusal("getUpdates")).startswith(
        "409 Conflict: can't use getUpdates method while webhook"
    )
    await room.ask("deleteWebhook")
    assert await room.updates() == []


async def test_dropping_pending_updates_drops_them(room: Room) -> None:
    room.fake.say(room.chat, room.ana, "hello")
    await room.ask("deleteWebhook", drop_pending_updates=True)
    assert await room.updates() == []


async def test_allowed_updates_hold_for_what_happens_afterwards(room: Room) -> None:
    room.fake.say(room.chat, room.ana, "before")
    assert len(await room.updates(allowed_updates=["message_reaction"])) == 1
    said = room.fake.say(room.chat, room.ana, "after")
    room.fake.react(room.ana, said, "👍")
    (reaction,) = await room.updates(offset=room.fake.updates.delivered[0] + 1)
    assert reaction["message_reaction"]["new_reaction"] == [{"type": "emoji", "emoji": "👍"}]


async def test_an_update_can_come_again_under_its_id(room: Room) -> None:
    said = room.fake.say(room.chat, room.ana, "hello")
    (update,) = await room.updates()
    assert await room.updates(offset=update["update_id"] + 1) == []
    room.fake.repeat(said, 2)
    assert await room.updates(offset=update["update_id"] + 1) == [update, update]


async def test_a_raw_update_goes_out_as_it_stands(room: Room) -> None:
    number = room.fake.push({"message": {"message_id": 1, "date": 10**18}})
    assert await room.updates() == [{"update_id": number, "message": {"message_id": 1, "date": 10**18}}]
