"""Chats of the fake Telegram: topics, drafts, members, commands and chat actions."""

import pytest

from tests.fakes.telegram.room import Room

pytest_plugins = ["tests.fakes.telegram.fixture"]


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
