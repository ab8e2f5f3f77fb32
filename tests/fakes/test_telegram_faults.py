"""The Telegram that tests talk to: its limits, what goes wrong with it, and what it checks."""

import asyncio

import aiohttp
import pytest

from tests.fakes.telegram.refusal import Json
from tests.fakes.telegram.room import Room
from tests.fakes.telegram.spec import ABSENT, Spec
from tests.fakes.telegram_server import (
    Rate,
    answer,
    bad_gateway,
    call_back,
    conflict,
    garbage,
    reset,
    stall,
    too_many,
    unauthorized,
)

pytest_plugins = ["tests.fakes.telegram.fixture"]


async def test_a_limited_chat_refuses_and_other_chats_do_not(room: Room) -> None:
    room.fake.limits.close(room.group.id, 30)
    assert await room.call("sendMessage", chat_id=room.group.id, text="x") == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 30",
        "parameters": {"retry_after": 30},
    }
    assert (await room.send(room.crowd, "x")).text == "x"
    room.fake.limits.close(room.group.id, 0)
    assert (await room.send(room.group, "x")).text == "x"


async def test_a_groups_limit_counts_edits_and_leaves_private_chats_alone(room: Room) -> None:
    room.fake.limits.group = Rate(3, 60)
    sent = await room.send(room.group, "0")
    for text in "12":
        await room.ask("editMessageText", chat_id=room.group.id, message_id=sent.id, text=text)
    assert await room.refusal("sendMessage", chat_id=room.group.id, text="x") == (
        "429 Too Many Requests: retry after 20"
    )
    assert [call.code for call in room.fake.refusals] == [429]
    for text in "3456":
        await room.send(room.chat, text)


@pytest.mark.parametrize("limit", ["chat", "overall"])
async def test_bursts_are_borne_up_to_the_rate(room: Room, limit: str) -> None:
    setattr(room.fake.limits, limit, Rate(2, 100))
    await room.send(room.chat, "1")
    await room.send(room.chat, "2")
    assert "retry after 50" in await room.refusal("sendMessage", chat_id=room.chat.id, text="3")


async def test_a_fault_befalls_the_next_call_that_fits(room: Room) -> None:
    room.fake.fail("sendMessage", too_many(3), when=lambda arguments: arguments["text"] == "b")
    sent = [await room.call("sendMessage", chat_id=room.chat.id, text=text) for text in "abb"]
    assert [body["ok"] for body in sent] == [True, False, True]
    assert sent[1]["parameters"] == {"retry_after": 3}


async def test_a_lasting_fault_lasts_until_it_is_healed(room: Room) -> None:
    room.fake.fail("getMe", unauthorized(), times=None)
    assert [await room.refusal("getMe") for _ in range(2)] == ["401 Unauthorized"] * 2
    room.fake.heal("getMe")
    assert (await room.ask("getMe"))["is_bot"]


@pytest.mark.parametrize("do", [True, False])
async def test_a_torn_connection_leaves_what_was_done(room: Room, do: bool) -> None:
    room.fake.fail("sendMessage", reset(do=do))
    with pytest.raises(aiohttp.ClientConnectionError):
        await room.call("sendMessage", chat_id=room.chat.id, text="x")
    assert room.fake.visible(room.chat) == ["x"] * do


@pytest.mark.parametrize("do", [True, False])
async def test_a_bad_gateway_answers_in_html(room: Room, do: bool) -> None:
    room.fake.fail("sendMessage", bad_gateway(do=do))
    with pytest.raises(aiohttp.ContentTypeError):
        await room.call("sendMessage", chat_id=room.chat.id, text="x")
    assert room.fake.visible(room.chat) == ["x"] * do


async def test_garbage_conflicts_and_made_up_answers(room: Room) -> None:
    room.fake.fail("getMe", garbage())
    room.fake.fail("getUpdates", conflict())
    room.fake.fail("getChat", answer({"id": 1}))
    with pytest.raises(ValueError, match="Expecting value"):
        await room.call("getMe")
    assert (await room.refusal("getUpdates")).startswith("409 Conflict: terminated by other getUpdates")
    assert await room.ask("getChat", chat_id=5) == {"id": 1}


async def test_a_stalled_call_is_done_before_it_is_answered(room: Room) -> None:
    room.fake.fail("sendMessage", stall(30))
    call = asyncio.create_task(room.call("sendMessage", chat_id=room.chat.id, text="x"))
    await room.fake.until(lambda: room.fake.visible(room.chat) == ["x"])
    assert not call.done()
    call.cancel()


async def test_the_test_is_called_back_between_the_deed_and_the_answer(room: Room) -> None:
    seen: list[list[str]] = []
    room.fake.fail("sendMessage", call_back(lambda _: seen.append(room.fake.visible(room.chat))))
    await room.send(room.chat, "x")
    assert seen == [["x"]]


async def test_tokens_are_checked(room: Room) -> None:
    async with aiohttp.ClientSession() as session:
        for token, code, said in (("1:x", 401, "Unauthorized"), ("x", 404, "Not Found")):
            async with session.get(f"{room.fake.url}/bot{token}/getMe") as response:
                body = {"ok": False, "error_code": code, "description": said}
                assert (response.status, await response.json()) == (code, body)


described = pytest.mark.skipif(not Spec.find().present, reason=ABSENT)


async def test_an_unknown_method_is_noted(room: Room) -> None:
    assert await room.refusal("sendLight") == "404 Not Found"
    assert room.fake.unknown == ["sendLight"]
    room.fake.unknown.clear()


@described
@pytest.mark.parametrize(
    ("parameters", "errors"),
    [
        ({"text": "x", "chat_id": 1, "colour": "red"}, ["sendMessage: colour: unknown parameter"]),
        ({"text": "x"}, ["sendMessage: chat_id: missing"]),
        ({"text": 5, "chat_id": 1}, ["sendMessage: text: int is no String"]),
        (
            {"text": "x", "chat_id": 1, "message_thread_id": "a"},
            ["sendMessage: message_thread_id: str is no Integer"],
        ),
        (
            {"text": "x", "chat_id": 1, "disable_notification": 1},
            ["sendMessage: disable_notification: int is no Boolean"],
        ),
        (
            {"text": "x", "chat_id": 1, "reply_parameters": '{"quote": "y"}'},
            ["sendMessage: reply_parameters.message_id: missing in ReplyParameters"],
        ),
        ({"text": "x", "chat_id": "@cellar", "entities": "[]", "protect_content": "true"}, []),
    ],
)
def test_calls_are_held_against_the_description(parameters: Json, errors: list[str]) -> None:
    assert Spec.find().call("sendMessage", parameters, set()) == errors


@described
def test_results_are_held_against_the_description() -> None:
    spec = Spec.find()
    assert spec.result("getMe", {"id": 1, "is_bot": True, "first_name": "L", "age": "4"}) == [
        "getMe answered result.age: unknown in User"
    ]
    assert spec.result("getChatMember", {"status": "left"}) == [
        "getChatMember answered result.user: missing in ChatMemberLeft"
    ]
    assert spec.update({"update_id": "5"}) == ["update .update_id: str is no Integer"]


@described
async def test_a_wrong_call_is_noted(room: Room) -> None:
    await room.ask("getMe", colour="red")
    assert room.fake.schema_errors == ["getMe: colour: unknown parameter"]
    room.fake.schema_errors.clear()


def test_without_the_description_nothing_is_found() -> None:
    spec = Spec(None)
    assert (spec.call("sendMessage", {}, set()), spec.result("getMe", 5), spec.update({})) == ([], [], [])
