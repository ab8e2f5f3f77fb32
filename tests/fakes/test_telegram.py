"""Events of the fake Telegram, and the updates that the bot receives of them."""

import pytest

from tests.fakes.telegram.room import Room

pytest_plugins = ["tests.fakes.telegram.fixture"]
BUTTONS = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}


async def test_commands_and_mentions_are_marked_by_utf16_offsets(room: Room) -> None:
    said = room.fake.say(room.chat, room.ana, "🏮 /ask@lamp_bot tell @bo_lund")
    assert said.entities == [
        {"type": "bot_command", "offset": 3, "length": 13},
        {"type": "mention", "offset": 22, "length": 8},
    ]
    assert [said.part(entity) for entity in said.entities] == ["/ask@lamp_bot", "@bo_lund"]


async def test_privacy_mode_lets_through_commands_mentions_and_replies(room: Room) -> None:
    own = await room.send(room.group, "I am here")
    say = room.fake.say
    say(room.group, room.ana, "nothing for it")
    say(room.group, room.ana, "@lamp_bot hello")
    say(room.group, room.ana, "/help")
    say(room.group, room.ana, "/help@other_bot")
    say(room.group, room.bo, "to you", reply_to=own)
    say(room.group, room.bo, "through it", via_bot=room.fake.bot)
    assert await room.heard() == ["@lamp_bot hello", "/help", "to you", "through it"]


async def test_files_come_with_a_caption_and_are_private_too(room: Room) -> None:
    held = room.fake.add_file(b"light", "lamp.txt")
    document = {"file_id": held.id, "file_unique_id": "U"}
    room.fake.say(room.group, room.ana, "for Bo", document=document)
    said = room.fake.say(room.chat, room.ana, "look", document=document)
    (update,) = await room.updates()
    assert update["message"]["caption"] == said.text == "look"
    assert "text" not in update["message"]


async def test_an_administrator_hears_everything(room: Room) -> None:
    attic = room.fake.group("Loft", room.ana, bot="administrator")
    room.fake.say(attic, room.ana, "nothing for it")
    assert await room.heard() == ["nothing for it"]


async def test_who_is_thrown_out_hears_nothing(room: Room) -> None:
    room.fake.kick(room.group, room.ana)
    room.fake.say(room.group, room.ana, "@lamp_bot hello")
    (update,) = await room.updates()
    change = update["my_chat_member"]
    assert [change[key]["status"] for key in ("old_chat_member", "new_chat_member")] == ["member", "kicked"]


async def test_an_anonymous_administrator_speaks_as_the_group(room: Room) -> None:
    room.fake.say(room.crowd, room.ana, "/reset", anonymous=True)
    (update,) = await room.updates()
    message = update["message"]
    assert (message["from"]["id"], message["sender_chat"]["id"]) == (1087968824, room.crowd.id)


async def test_a_channel_post_is_forwarded_by_telegram_into_the_discussion(room: Room) -> None:
    fake = room.fake
    channel = fake.channel("News", room.ana, discussion=room.crowd)
    fake.promote(room.crowd, fake.bot, room.ana)
    fake.post(channel, "extra")
    _, post, forward = await room.updates()
    assert post["channel_post"]["sender_chat"]["id"] == channel.id
    message = forward["message"]
    assert (message["from"]["id"], message["is_automatic_forward"]) == (777000, True)
    assert message["forward_origin"]["message_id"] == post["channel_post"]["message_id"]


async def test_forwards_bots_and_edits_say_what_they_are(room: Room) -> None:
    fake, rival = room.fake, room.fake.user("Rival", "rival_bot", is_bot=True)
    said = fake.say(room.chat, room.ana, "as he said", forwarded_from=room.bo)
    fake.say(room.crowd, rival, "@lamp_bot hello")
    fake.edit(said, "/admin")
    forward, bot, edit = await room.updates()
    assert forward["message"]["forward_origin"]["sender_user"]["id"] == room.bo.id
    assert bot["message"]["from"]["is_bot"] is True
    assert edit["edited_message"]["text"] == "/admin"
    assert edit["edited_message"]["edit_date"] > 0


async def test_topics_carry_their_thread_and_the_message_that_made_them(room: Room) -> None:
    forum = room.fake.supergroup("Forum", room.ana, forum=True, bot="administrator")
    thread = room.fake.topic(forum, "Lamps")
    said = room.fake.say(forum, room.ana, "hello", thread=thread)
    assert (said.thread, said.wire["is_topic_message"], said.reply_to) == (thread, True, None)
    assert said.wire["reply_to_message"]["forum_topic_created"]["name"] == "Lamps"
    answered = await room.send(forum, "there", reply_parameters={"message_id": said.id})
    assert (answered.thread, answered.reply_to) == (thread, said.id)


async def test_a_reply_in_a_plain_supergroup_carries_a_thread_without_being_in_a_topic(room: Room) -> None:
    first = room.fake.say(room.crowd, room.ana, "first")
    second = room.fake.say(room.crowd, room.bo, "second", reply_to=first)
    assert (second.thread, "is_topic_message" in second.wire) == (first.id, False)


async def test_migration_tells_both_chats_and_refuses_the_old_one(room: Room) -> None:
    new = room.fake.migrate(room.group)
    old, arrived = await room.updates()
    assert old["message"]["migrate_to_chat_id"] == new.id
    assert arrived["message"]["migrate_from_chat_id"] == room.group.id
    assert await room.call("sendMessage", chat_id=room.group.id, text="hello") == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": new.id},
    }
    assert (await room.send(new, "hello")).chat is new


async def test_ids_of_different_chats_may_be_equal(room: Room) -> None:
    other = room.fake.supergroup("Other", room.ana)
    assert (await room.send(room.crowd, "a")).id == (await room.send(other, "b")).id


async def test_a_business_account_lets_the_bot_speak_for_it(room: Room) -> None:
    customer = room.fake.private(room.bo, started=False)
    connection = room.fake.connect_business(room.ana)
    room.fake.say(customer, room.bo, "open?", business=connection)
    _, update = await room.updates()
    assert update["business_message"]["business_connection_id"] == connection
    sent = await room.send(customer, "yes", business_connection_id=connection)
    assert (sent.user_id, sent.wire["sender_business_bot"]["id"]) == (room.ana.id, room.fake.bot.id)
    assert await room.refusal("sendMessage", chat_id=customer.id, text="x") == (
        "403 Forbidden: bot can't initiate conversation with a user"
    )


async def test_a_guest_query_is_answered_once(room: Room) -> None:
    elsewhere = room.fake.supergroup("Elsewhere", room.ana, bot="left")
    query = room.fake.guest(elsewhere, room.ana, "@lamp_bot light?")
    (update,) = await room.updates()
    assert update["guest_message"]["guest_query_id"] == query
    content = {"message_text": "on"}
    result = {"type": "article", "id": "1", "title": "t", "input_message_content": content}
    inline = (await room.ask("answerGuestQuery", guest_query_id=query, result=result))["inline_message_id"]
    await room.ask("editMessageText", inline_message_id=inline, text="off")
    answered = room.fake.guest_queries[query]
    assert answered is not None
    assert answered["input_message_content"]["message_text"] == "off"
    assert "query is too old" in await room.refusal("answerGuestQuery", guest_query_id=query, result=result)


async def test_a_button_is_answered_once_and_in_time(room: Room) -> None:
    sent = await room.send(room.group, "Sure?", reply_markup=BUTTONS)
    press, late = room.fake.press(room.bo, sent, "Yes"), room.fake.press(room.bo, sent, "y")
    (update, _) = await room.updates()
    assert update["callback_query"]["data"] == "y"
    assert update["callback_query"]["from"]["id"] == room.bo.id
    await room.ask("answerCallbackQuery", callback_query_id=press.id, text="good")
    assert press.answer == {"callback_query_id": press.id, "text": "good"}
    room.fake.expire(late)
    for query in (press, late):
        assert await room.refusal("answerCallbackQuery", callback_query_id=query.id) == (
            "400 Bad Request: query is too old and response timeout expired or query ID is invalid"
        )


async def test_a_button_that_is_not_there_can_be_forged(room: Room) -> None:
    sent = await room.send(room.group, "Sure?", reply_markup=BUTTONS)
    with pytest.raises(LookupError):
        room.fake.press(room.bo, sent, "admin:reset")
    assert room.fake.press(room.bo, sent, "admin:reset", forged=True).data == "admin:reset"


async def test_buttons_can_be_changed_and_removed(room: Room) -> None:
    sent = await room.send(room.group, "Sure?", reply_markup=BUTTONS)
    same = {"chat_id": room.group.id, "message_id": sent.id}
    assert "not modified" in await room.refusal("editMessageReplyMarkup", **same, reply_markup=BUTTONS)
    await room.ask("editMessageReplyMarkup", **same)
    assert sent.buttons == []
