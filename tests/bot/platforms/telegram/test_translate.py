"""Telegram's updates as events: text, media, mentions, commands, and updates that cannot be read."""

from typing import Any

import pytest

from bot.message import Author, Message, Place
from bot.platforms.telegram.events import (
    BotAccount,
    CommandEvent,
    EditEvent,
    IgnoredEvent,
    MessageEvent,
)
from bot.platforms.telegram.translate import UnreadableUpdate, parse_update

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


ACCOUNT = BotAccount(9, "lamp_bot")


ANA = {"id": 5, "is_bot": False, "first_name": "Ana", "last_name": "Ray"}


PRIVATE = {"id": 5, "type": "private", "first_name": "Ana"}


RICH = [{"type": "heading", "text": "Tides"}, {"type": "paragraph", "text": ["high ", {"text": "at six"}]}]


def event_of(**more: Any) -> str | None:
    """The words that are kept of a private message."""
    wire = {"message_id": 1, "date": 100, "chat": PRIVATE, "from": ANA} | more
    event = parse_update({"update_id": 1, "message": wire}, ACCOUNT)
    return event.message.text if isinstance(event, MessageEvent) else None


def test_a_message_is_read_whole() -> None:
    wire = {"message_id": 4, "date": 100, "chat": PRIVATE, "from": ANA, "text": "Rain?"}
    replied = {"message_id": 3, "date": 99, "chat": PRIVATE, "from": {"id": 9, "is_bot": True}}
    place = Place("telegram", "9", "5")
    assert parse_update(
        {"update_id": 1, "message": wire | {"reply_to_message": replied}}, ACCOUNT
    ) == MessageEvent(Message(place, "4", Author("5", "Ana Ray"), "Rain?", 100.0, "direct", "3"))
    assert parse_update({"update_id": 1, "edited_message": wire}, ACCOUNT) == EditEvent(
        Message(place, "4", Author("5", "Ana Ray"), "Rain?", 100.0, "direct")
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"photo": [{}], "caption": "my boat"}, "[picture] my boat"),
        ({"animation": {}, "document": {}}, "[animation]"),
        ({"document": {}}, "[file]"),
        ({"voice": {}}, "[voice message]"),
        ({"video_note": {}}, "[video message]"),
        ({"sticker": {"emoji": "🌊"}}, "[sticker: 🌊]"),
        ({"sticker": {}}, "[sticker]"),
        ({"dice": {"emoji": "🎲", "value": 3}}, "[🎲: 3]"),
        ({"audio": {"performer": "Bo", "title": "Tides", "duration": 3}}, "[audio: Bo – Tides]"),
        ({"venue": {"title": "Quay", "address": "3 Sea Road"}, "location": {}}, "[place: Quay, 3 Sea Road]"),
        ({"checklist": {"title": "Boat", "tasks": [{"text": "paint"}]}}, "[checklist: Boat | paint]"),
        ({"rich_message": {"blocks": RICH}}, "Tides\nhigh at six"),
        ({"location": {}}, "[location]"),
        ({"poll": {}}, "[poll]"),
        ({"text": "hear this", "forward_origin": {"type": "hidden_user"}}, ""),
        ({"text": "/start of a story"}, None),
        ({"text": "/tmp/boat is there"}, "/tmp/boat is there"),
        ({"text": "/unheard of"}, "/unheard of"),
        ({"new_chat_members": [{"id": 6, "first_name": "Bo"}]}, None),
        ({"pinned_message": {"message_id": 3}}, None),
    ],
)
def test_a_message_has_a_word_for_each_attachment(more: dict[str, Any], words: str | None) -> None:
    assert event_of(**more) == words


@pytest.mark.parametrize(
    ("text", "entity", "address"),
    [
        ("😀 @Lamp_Bot hi", {"type": "mention", "offset": 3, "length": 9}, "mention"),
        ("@lamp_bots hi", {"type": "mention", "offset": 0, "length": 10}, ""),
        ("Lamp hi", {"type": "text_mention", "offset": 0, "length": 4, "user": {"id": 9}}, "mention"),
        ("Lamp hi", {"type": "text_mention", "offset": 0, "length": 4, "user": {"id": 8}}, ""),
        ("hi /wave@lamp_bot", {"type": "bot_command", "offset": 3, "length": 14}, "mention"),
        ("hi", {"type": "mention", "offset": 90, "length": 9}, ""),
    ],
)
def test_a_mention_is_one_by_its_entity(text: str, entity: dict[str, Any], address: str) -> None:
    wire = {"message_id": 4, "date": 100, "chat": {"id": -5, "type": "group"}, "from": ANA}
    event = parse_update({"update_id": 1, "message": wire | {"text": text, "entities": [entity]}}, ACCOUNT)
    assert isinstance(event, MessageEvent)
    assert event.message.address == address


@pytest.mark.parametrize("text", ["/roll 2d6", "/reset@other_bot", "/wave@other_bot hi"])
def test_other_bots_commands_in_a_group_are_left_alone(text: str) -> None:
    wire = {"message_id": 4, "date": 100, "chat": {"id": -5, "type": "group"}, "from": ANA, "text": text}
    assert parse_update({"update_id": 1, "message": wire}, ACCOUNT) == IgnoredEvent("another bot's command")


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("/persona@Lamp_Bot mara", "persona", "mara"),
        ("/persona@lamp_bot, mara", "persona", "mara"),
        ("/PERSONA mara", "persona", "mara"),
        ("/persona\nmara", "persona", "mara"),
        ("/persona\u00a0mara", "persona", "mara"),
        ("/persona:  mara  quill ", "persona", "mara  quill"),
        ("／persona mara", "persona", "mara"),
        ("/presona@lamp_bot mara", "presona", "mara"),
        ("/presona mara", "presona", "mara"),
        ("/dance@lamp_bot now", "dance", "now"),
        ("/foo", "foo", ""),
        ("/помощь", "помощь", ""),
    ],
)
def test_a_command_is_read_as_people_type_it(text: str, name: str, argument: str) -> None:
    wire = {"message_id": 4, "date": 100, "chat": PRIVATE, "from": ANA, "text": text}
    event = parse_update({"update_id": 1, "message": wire}, ACCOUNT)
    assert isinstance(event, CommandEvent)
    assert (event.name, event.argument) == (name, argument)


@pytest.mark.parametrize(
    "text",
    [
        *("/me waves", "/shrug", "/usr/bin is full", "/unheard of", "/a boat", "/persona@other_bot mara"),
        *("1/2 /persona", "//persona", "/", "/ ", "/hello there", "/persona-mara"),
    ],
)
def test_words_behind_a_slash_are_words_in_a_private_chat(text: str) -> None:
    wire = {"message_id": 4, "date": 100, "chat": PRIVATE, "from": ANA, "text": text}
    assert isinstance(parse_update({"update_id": 1, "message": wire}, ACCOUNT), MessageEvent)


def test_a_caption_is_no_command() -> None:
    wire = {"message_id": 4, "date": 100, "chat": PRIVATE, "from": ANA, "photo": [{}]}
    event = parse_update({"update_id": 1, "message": wire | {"caption": "/persona mara"}}, ACCOUNT)
    assert isinstance(event, MessageEvent)


@pytest.mark.parametrize(
    "broken",
    [
        {"date": 10**18},
        {"date": -1},
        {"date": "yesterday"},
        {"text": 5},
        {"chat": None},
        {"from": {"id": "x"}},
        {"message_id": 2.5},
        {"entities": [{"type": "mention", "offset": -1, "length": 3}]},
    ],
)
def test_an_update_that_breaks_the_format_is_unreadable_and_not_quoted(broken: dict[str, Any]) -> None:
    wire = {"message_id": 4, "date": 100, "chat": PRIVATE, "from": ANA, "text": "canary"}
    with pytest.raises(UnreadableUpdate) as error:
        parse_update({"update_id": 1, "message": wire | broken}, ACCOUNT)
    assert next(iter(broken)) in str(error.value)
    assert not {"canary", "yesterday"} & set(str(error.value).split())


@pytest.mark.parametrize(("proxies", "is_bot"), [((), True), (("8",), False)])
def test_people_speak_through_a_bridges_bot_where_the_settings_name_it(
    proxies: tuple[str, ...], is_bot: bool
) -> None:
    bridge = {"id": 8, "is_bot": True, "first_name": "Bridge"}
    wire = {"message_id": 4, "date": 100, "chat": PRIVATE, "from": bridge, "text": "Bo: hi"}
    account = BotAccount(9, "lamp_bot", frozenset(proxies))
    event = parse_update({"update_id": 1, "message": wire}, account)
    assert isinstance(event, MessageEvent)
    assert event.message.author == Author("8", "Bridge", is_bot)
