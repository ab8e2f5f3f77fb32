"""The Telegram that tests talk to: what the bot sends, shows and asks."""

import aiohttp
import pytest

from tests.fakes.telegram.room import Room
from tests.fakes.telegram_server import (
    TelegramServer,
    User,
)

pytest_plugins = ["tests.fakes.telegram.fixture"]


async def test_a_message_is_recorded_with_its_edits_and_deletion(room: Room) -> None:
    sent = await room.send(room.chat, "one")
    await room.ask("editMessageText", chat_id=room.chat.id, message_id=sent.id, text="two")
    assert room.fake.visible(room.chat) == ["two"]
    assert [edit.text for edit in sent.edits] == ["two"]
    await room.ask("deleteMessage", chat_id=room.chat.id, message_id=sent.id)
    assert (room.fake.visible(room.chat), room.fake.sent(room.chat)) == ([], [sent])


async def test_the_pings_of_a_message_are_the_members_it_names(room: Room) -> None:
    stranger = room.fake.user("Eve", "eve_far")
    sent = await room.send(
        room.group,
        f'@bo_lund @eve_far <a href="tg://user?id={room.ana.id}">you</a> <code>@ana_ray</code>',
        parse_mode="HTML",
    )
    assert sent.pings == {room.ana.id, room.bo.id}
    assert stranger.id not in sent.pings


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("", "message text is empty"),
        (" \n ", "text must be non-empty"),
        ("x" * 4097, "message is too long"),
        ("😀" * 2049, "message is too long"),
    ],
)
async def test_what_cannot_be_sent(room: Room, text: str, refusal: str) -> None:
    assert await room.refusal("sendMessage", chat_id=room.chat.id, text=text) == f"400 Bad Request: {refusal}"


@pytest.mark.parametrize("text", ["x" * 4096, "😀" * 2048])
async def test_what_can_just_be_sent(room: Room, text: str) -> None:
    assert (await room.send(room.chat, text)).text == text


async def test_a_too_long_edit_is_refused_in_other_words(room: Room) -> None:
    sent = await room.send(room.chat, "one")
    wanted = {"chat_id": room.chat.id, "message_id": sent.id, "text": "x" * 4097}
    assert await room.refusal("editMessageText", **wanted) == "400 Bad Request: MESSAGE_TOO_LONG"


async def test_text_is_trimmed_and_cleaned(room: Room) -> None:
    assert (await room.send(room.chat, "  \x00a\r\nb\u202e \n")).text == "a\nb"


async def test_only_own_messages_that_are_there_can_be_edited(room: Room) -> None:
    foreign, gone = room.fake.say(room.group, room.ana, "mine"), await room.send(room.group, "x")
    gone.deleted = True
    refusals = [
        await room.refusal("editMessageText", chat_id=room.group.id, message_id=number, text="y")
        for number in (foreign.id, gone.id, 999)
    ]
    missing = "400 Bad Request: message to edit not found"
    assert refusals == ["400 Bad Request: message can't be edited", missing, missing]


async def test_an_edit_that_changes_nothing_is_refused(room: Room) -> None:
    sent = await room.send(room.chat, "same")
    wanted = {"chat_id": room.chat.id, "message_id": sent.id, "text": "same"}
    assert await room.refusal("editMessageText", **wanted) == (
        "400 Bad Request: message is not modified: specified new message content and reply markup are "
        "exactly the same as a current content and reply markup of the message"
    )


async def test_foreign_messages_are_deleted_only_with_the_right_to(room: Room) -> None:
    said, own = room.fake.say(room.group, room.ana, "mine"), await room.send(room.group, "own")
    wanted = {"chat_id": room.group.id, "message_id": said.id}
    assert (
        await room.refusal("deleteMessage", **wanted)
        == "400 Bad Request: message can't be deleted for everyone"
    )
    room.fake.promote(room.group, room.fake.bot, room.ana, can_delete_messages=True)
    await room.ask("deleteMessages", chat_id=room.group.id, message_ids=[said.id, own.id, 999])
    assert (said.deleted, own.deleted) == (True, True)
    assert await room.refusal("deleteMessage", **wanted) == "400 Bad Request: message to delete not found"


async def test_a_reply_to_what_is_gone_is_refused_unless_allowed(room: Room) -> None:
    said = room.fake.say(room.chat, room.ana, "hello")
    room.fake.delete(said)
    call = {"chat_id": room.chat.id, "text": "yes"}
    refusal = await room.refusal("sendMessage", **call, reply_parameters={"message_id": said.id})
    assert refusal == "400 Bad Request: message to be replied not found"
    allowed = {"message_id": said.id, "allow_sending_without_reply": True}
    assert (await room.send(room.chat, "yes", reply_parameters=allowed)).reply_to is None


def unreachable(fake: TelegramServer, ana: User) -> dict[str, int]:
    """Chat ids by the refusal that a message to them meets."""
    kicked, left = fake.group("a", ana, bot="kicked"), fake.supergroup("b", ana, bot="left")
    channel, mute = fake.channel("c", ana, bot="member"), fake.group("d", ana, bot="restricted")
    out, blocked = fake.channel("e", ana, bot="kicked"), fake.user("Bo")
    fake.block(blocked)
    return {
        "400 Bad Request: chat not found": -5,
        "403 Forbidden: bot was kicked from the group chat": kicked.id,
        "403 Forbidden: bot is not a member of the supergroup chat": left.id,
        "403 Forbidden: bot was kicked from the channel chat": out.id,
        "400 Bad Request: need administrator rights in the channel chat": channel.id,
        "400 Bad Request: not enough rights to send text messages to the chat": mute.id,
        "403 Forbidden: bot was blocked by the user": blocked.id,
        "403 Forbidden: bot can't send messages to bots": fake.private(fake.user("R", is_bot=True)).id,
        "403 Forbidden: bot can't initiate conversation with a user": fake.private(
            fake.user("N"), started=False
        ).id,
    }


async def test_every_way_not_to_reach_a_chat_has_its_words(room: Room) -> None:
    chats = unreachable(room.fake, room.ana)
    said = {await room.refusal("sendMessage", chat_id=chat, text="x"): chat for chat in chats.values()}
    assert said == chats


async def test_a_user_who_unblocks_can_be_reached_again(room: Room) -> None:
    room.fake.block(room.ana)
    room.fake.unblock(room.ana)
    assert (await room.send(room.chat, "welcome back")).text == "welcome back"


async def test_files_come_back_as_they_were_sent(room: Room) -> None:
    form = aiohttp.FormData({"chat_id": str(room.chat.id), "caption": "look"})
    form.add_field("document", b"light", filename="lamp.txt")
    async with aiohttp.ClientSession() as session:
        url = f"{room.fake.url}/bot{room.fake.token}/sendDocument"
        sent = (await (await session.post(url, data=form)).json())["result"]
        assert (sent["document"]["file_name"], sent["caption"]) == ("lamp.txt", "look")
        path = (await room.ask("getFile", file_id=sent["document"]["file_id"]))["file_path"]
        async with session.get(f"{room.fake.url}/file/bot{room.fake.token}/{path}") as response:
            assert await response.read() == b"light"
        photo = await room.ask("sendPhoto", chat_id=room.chat.id, photo=sent["document"]["file_id"])
        assert photo["photo"][0]["file_id"] == sent["document"]["file_id"]
        async with session.get(f"{room.fake.url}/file/bot1:wrong/{path}") as response:
            assert response.status == 404
