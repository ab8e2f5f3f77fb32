"""Names in code, quotes, links, and in what Telegram delivers with a message, call no persona."""

from typing import Any

import pytest

from bot.chat.triggers import NOT_ADDRESSED
from tests.bot.platforms.telegram.test_surroundings import FILE, POLL
from tests.fixtures.ignored import ignored_by
from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


def span(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length} | more


CY = {"id": 70, "is_bot": False, "first_name": "Mara"}


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("run mara --help", {"entities": [span("code", 4, 11)]}),
        ("😀 run mara --help", {"entities": [span("code", 7, 4)]}),
        ("mara = 1", {"entities": [span("pre", 0, 8, language="python")]}),
        ("Mara said so\nI see", {"entities": [span("blockquote", 0, 12), span("bold", 0, 4)]}),
        ("Mara said so\nI see", {"entities": [span("bold", 0, 4), span("expandable_blockquote", 0, 12)]}),
        ("see Mara there", {"entities": [span("text_link", 4, 4, url="https://a.example")]}),
        ("see mara.museum", {"entities": [span("url", 4, 11)]}),
        ("ask Mara there", {"entities": [span("text_mention", 4, 4, user=CY)]}),
        ("read #Mara", {"entities": [span("hashtag", 5, 5)]}),
        ("run mara", {"photo": [FILE | {"width": 1, "height": 1}], "caption_entities": [span("code", 4, 4)]}),
        ("hear this", {"audio": FILE | {"duration": 3, "title": "Mara", "performer": "Bo"}}),
        ("read this", {"document": FILE | {"file_name": "Mara notes.pdf"}}),
        ("", {"contact": {"phone_number": "555123", "first_name": "Mara"}}),
        ("", {"poll": POLL | {"question": "Mara?"}}),
        ("", {"rich_message": {"blocks": [{"type": "pre", "text": "mara = 1"}]}}),
        (
            "",
            {"rich_message": {"blocks": [{"type": "paragraph", "text": [{"type": "code", "text": "mara"}]}]}},
        ),
    ],
)
async def test_names_in_code_quotes_links_and_what_comes_with_a_message_call_nobody(
    bot: Bot, text: str, more: dict[str, Any]
) -> None:
    bot.fake.privacy = False
    ana = bot.fake.user("Ana")
    chat = bot.fake.supergroup("Harbour", ana)
    said = bot.fake.say(chat, ana, text, **more)
    assert await ignored_by(bot.memory, bot.place(chat), said.id) == NOT_ADDRESSED


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("`run` it, Mara", {"entities": [span("code", 0, 5)]}),
        (
            "Mara, see there",
            {"entities": [span("bold", 0, 4), span("text_link", 10, 5, url="https://a.example")]},
        ),
        ("Mara?", {"document": FILE | {"file_name": "tides.pdf"}}),
        ("", {"rich_message": {"blocks": [{"type": "paragraph", "text": "Mara?"}]}}),
    ],
)
async def test_a_name_beside_them_calls(bot: Bot, text: str, more: dict[str, Any]) -> None:
    bot.fake.privacy = False
    ana = bot.fake.user("Ana")
    chat = bot.fake.supergroup("Harbour", ana)
    bot.fake.say(chat, ana, text, **more)
    await bot.fake.until(lambda: len(bot.engine.requests) == 1)
