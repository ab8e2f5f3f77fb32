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


async def test_threads_must_exist_and_be_open(room: Room) -> None:
    forum = room.fake.supergroup("Forum", room.ana, forum=True)
    thread = room.fake.topic(forum, "Lamps", room.ana)
    assert (await room.send(forum, "in it", message_thread_id=thread)).thread == thread
    room.fake.close_topic(forum, thread)
    call = {"chat_id": forum.id, "text": "x"}
    refusals = [await room.refusal("sendMessage", **call, message_thread_id=n) for n in (thread, 1, 99)]
    lost = "400 Bad Request: message thread not found"
    assert refusals == ["400 Bad Request: TOPIC_CLOSED", lost, lost]
    await room.ask("sendChatAction", chat_id=forum.id, action="typing", message_thread_id=1)


async def test_topics_are_created_with_the_right_to(room: Room) -> None:
    forum = room.fake.supergroup("Forum", room.ana, forum=True)
    assert "not enough rights" in await room.refusal("createForumTopic", chat_id=forum.id, name="Lamps")
    room.fake.promote(forum, room.fake.bot, room.ana, can_manage_topics=True)
    topic = await room.ask("createForumTopic", chat_id=forum.id, name="Lamps")
    assert topic["message_thread_id"] in forum.topics


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


async def test_a_draft_shows_until_a_message_follows(room: Room) -> None:
    for text in ("he", "hello"):
        await room.ask("sendMessageDraft", chat_id=room.chat.id, draft_id=7, text=text)
    assert room.fake.draft(room.chat) == "hello"
    await room.send(room.chat, "hello you")
    assert room.fake.draft(room.chat) is None
    assert [draft.text for draft in room.fake.drafts(room.chat)] == ["he", "hello"]


async def test_a_draft_expires(room: Room) -> None:
    room.fake.draft_seconds = 0.0
    await room.ask("sendRichMessageDraft", chat_id=room.chat.id, draft_id=7, rich_message={"html": "he"})
    assert (room.fake.draft(room.chat), len(room.fake.drafts(room.chat))) == (None, 1)


@pytest.mark.parametrize(
    ("where", "draft", "text", "refusal"),
    [
        ("chat", 0, "x", "400 Bad Request: DRAFT_ID_INVALID"),
        ("group", 7, "x", "400 Bad Request: TEXTDRAFT_PEER_INVALID"),
        ("chat", 7, "x" * 4097, "400 Bad Request: message is too long"),
    ],
)
async def test_drafts_that_are_refused(room: Room, where: str, draft: int, text: str, refusal: str) -> None:
    call = {"chat_id": getattr(room, where).id, "draft_id": draft, "text": text}
    assert await room.refusal("sendMessageDraft", **call) == refusal


async def test_a_draft_may_be_empty_and_may_be_stopped(room: Room) -> None:
    await room.ask("sendMessageDraft", chat_id=room.chat.id, draft_id=7, can_stop=True)
    assert room.fake.draft(room.chat) == ""


async def test_chat_actions_are_recorded(room: Room) -> None:
    await room.ask("sendChatAction", chat_id=room.chat.id, action="typing")
    assert [action.action for action in room.fake.actions(room.chat)] == ["typing"]
    refusal = await room.refusal("sendChatAction", chat_id=room.chat.id, action="dancing")
    assert refusal == "400 Bad Request: wrong parameter action in request"


async def test_members_are_told_by_their_status(room: Room) -> None:
    fake, chat = room.fake, {"chat_id": room.crowd.id}
    fake.promote(room.crowd, room.bo, room.ana, can_delete_messages=True)
    rival = fake.user("Rival", is_bot=True)
    fake.change_member(room.crowd, rival, "administrator")
    statuses = {m["user"]["id"]: m["status"] for m in await room.ask("getChatAdministrators", **chat)}
    assert statuses == {room.ana.id: "creator", room.bo.id: "administrator"}
    everybody = await room.ask("getChatAdministrators", **chat, return_bots=True)
    assert rival.id in {m["user"]["id"] for m in everybody}
    assert await room.ask("getChatMemberCount", **chat) == 4
    for status in ("restricted", "left", "kicked", "member"):
        fake.change_member(room.crowd, room.bo, status)
        assert (await room.ask("getChatMember", **chat, user_id=room.bo.id))["status"] == status


async def test_the_bot_knows_itself_and_its_chats(room: Room) -> None:
    me = await room.ask("getMe")
    assert (me["username"], me["is_bot"], me["can_read_all_group_messages"]) == ("lamp_bot", True, False)
    assert (await room.ask("getChat", chat_id=room.crowd.id))["title"] == "Cellar"


async def test_commands_are_kept_by_scope_and_language(room: Room) -> None:
    commands = [{"command": "ask", "description": "Ask"}]
    scope = {"type": "chat", "chat_id": room.crowd.id}
    await room.ask("setMyCommands", commands=commands, scope=scope, language_code="de")
    assert await room.ask("getMyCommands", scope=scope, language_code="de") == commands
    assert await room.ask("getMyCommands") == []
    await room.ask("deleteMyCommands", scope=scope, language_code="de")
    assert await room.ask("getMyCommands", scope=scope, language_code="de") == []
    wrong = [{"command": "Ask!", "description": "Ask"}]
    assert await room.refusal("setMyCommands", commands=wrong) == "400 Bad Request: BOT_COMMAND_INVALID"


async def test_the_bot_can_leave_react_and_log_out(room: Room) -> None:
    said = room.fake.say(room.crowd, room.ana, "hello")
    reaction = [{"type": "emoji", "emoji": "👍"}]
    await room.ask("setMessageReaction", chat_id=room.crowd.id, message_id=said.id, reaction=reaction)
    assert said.reactions == {room.fake.bot.id: reaction}
    await room.ask("leaveChat", chat_id=room.crowd.id)
    assert "not a member" in await room.refusal("sendMessage", chat_id=room.crowd.id, text="x")
    assert await room.ask("close") is True
    await room.ask("logOut")
    assert await room.refusal("getMe") == "400 Bad Request: Logged out"
