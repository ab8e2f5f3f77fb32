"""Requests of the page that cannot be met: unknown addresses, damaged bodies, wishes beyond the bounds."""

import pytest

from bot.message import Place
from bot.persona.persona import Cast
from tests.bot.platforms.web.conftest import OpenPage, Page
from tests.conftest import OZZO


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("GET", "/page/conversations/AAAAAAAAAAAAAAAAAAAA", None, (404, "unknown_conversation")),
        ("GET", "/page/conversations/..%2F..%2Fx", None, (404, "unknown_url")),
        ("GET", "/page/conversations/x/events", None, (404, "unknown_conversation")),
        ("POST", "/page/conversations", {"persona": "nobody"}, (404, "unknown_persona")),
        ("POST", "/page/conversations", {}, (400, "missing_required_parameter")),
        ("POST", "/page/conversations", b"[]", (400, "invalid_json")),
        ("POST", "/page/conversations", b"{", (400, "invalid_json")),
        ("POST", "/page/conversations", b"\xff\xfe\x00", (400, "invalid_json")),
        ("PUT", "/page/conversations", {}, (405, "method_not_allowed")),
        ("GET", "/page/pictures/nobody", None, (404, "unknown_picture")),
    ],
)
async def test_what_is_not_there_is_one_sentence(
    page: Page, method: str, path: str, body: object, error: tuple[int, str]
) -> None:
    assert await page.code(method, path, body) == error


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("POST", "messages", {"text": "  "}, (400, "refused")),
        ("POST", "messages", {"text": "x" * 16_001}, (400, "refused")),
        ("POST", "messages", {"text": "\x00"}, (400, "refused")),
        ("POST", "messages", {"text": 1}, (400, "invalid_value")),
        ("POST", "messages", b'{"text": "' + b"x" * 16_000_001 + b'"}', (413, "request_too_large")),
        ("PATCH", "messages/none", {"text": "x"}, (404, "unknown_message")),
        ("DELETE", "messages/none", None, (404, "unknown_message")),
        ("POST", "swipe", {"index": 5}, (404, "unknown_swipe")),
        ("POST", "swipe", {"index": -1}, (400, "invalid_value")),
        ("GET", "export?format=exe", None, (400, "invalid_value")),
    ],
)
async def test_a_wish_that_cannot_be_met_is_one_sentence(
    page: Page, method: str, path: str, body: object, error: tuple[int, str]
) -> None:
    id = await page.begin()
    assert await page.code(method, f"/page/conversations/{id}/{path}", body) == error


async def test_again_where_nothing_was_said_is_one_sentence(open_page: OpenPage) -> None:
    page = await open_page(cast=Cast({"ozzo": OZZO}, {}))
    id = await page.begin("ozzo")
    assert await page.code("POST", f"/page/conversations/{id}/again") == (409, "nothing")


async def test_a_conversation_is_no_place_of_another_platform(page: Page) -> None:
    await page.memory.set_setting(str(Place("terminal", "local", "mara-in-the-terminal")), "persona", "mara")
    assert await page.code("GET", "/page/conversations/mara-in-the-terminal") == (404, "unknown_conversation")
    assert (await page.ask("GET", "/page/conversations"))[1] == {"conversations": []}
