"""Events of a conversation: drafts, messages, several listeners, slow ones, and answers under way."""

import asyncio
import socket
from contextlib import AsyncExitStack

from bot.api.event_stream import StreamTimes
from bot.chat.intake import LATE
from bot.engine.interface import Piece
from bot.errors import UserError
from bot.platforms.web.event_routes import EventRoutes
from bot.platforms.web.listeners import MAX_EVENTS, MAX_OF_PLACE, Listener, Listeners, PageEvent
from tests.bot.platforms.web.conftest import Events, OpenPage, Page, until
from tests.conftest import PLACE


def hold(page: Page) -> None:
    page.engine.hold, page.engine.holding = asyncio.Event(), asyncio.Event()


def listeners_of(page: Page) -> Listeners:
    (part,) = [each for each in page.server._site._parts if isinstance(each, EventRoutes)]  # type: ignore[union-attr]
    return part._conversations.listeners


async def step(page: Page) -> None:
    """Let the engine give one more piece, and wait until it has."""
    held = page.engine.hold
    hold(page)
    held.set()
    await page.engine.holding.wait()


async def test_an_answer_is_told_as_it_grows(page: Page) -> None:
    id = await page.begin()
    events = Events(page, id)
    await events.has("busy")
    hold(page)
    await page.ask("POST", f"/page/conversations/{id}/messages", {"text": "Hello"})
    await page.engine.holding.wait()
    await step(page)
    await events.has("draft")
    page.engine.hold.set()
    await until(lambda: events.heard[-1] == ("busy", {"busy": False}))
    names = [name for name, _ in events.heard]
    assert names == ["busy", "message", "busy", "typing", "draft", "draft", "message", "busy"]
    assert [body["text"] for body in events.of("draft")] == ["Answer", "Answer 1."]
    asked, answer = events.of("message")
    assert (asked["text"], asked["persona"], answer["text"], answer["persona"]) == (
        "Hello",
        None,
        "Answer 1.",
        "mara",
    )
    assert answer == (await page.read(id))["messages"][-1]


async def test_two_listeners_hear_the_same(page: Page) -> None:
    id = await page.begin()
    both = Events(page, id), Events(page, id)
    for events in both:
        await events.has("busy")
    await page.say(id, "Hello")
    for events in both:
        await events.has("message", 2)
        await until(lambda events=events: events.heard[-1][0] == "busy")
    assert both[0].of("message") == both[1].of("message")


async def test_one_conversation_hears_nothing_of_another(page: Page) -> None:
    first, second = await page.begin(), await page.begin()
    events = Events(page, second)
    await events.has("busy")
    await page.say(first, "Hello")
    await page.say(second, "Sesame")
    await events.has("message", 2)
    assert "Hello" not in str(events.heard)


async def test_a_new_answer_tells_that_the_old_one_is_gone(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    old = (await page.read(id))["messages"][-1]["id"]
    events = Events(page, id)
    await events.has("busy")
    await page.do(id, "again")
    assert await events.has("removed") == {"id": old}
    assert events.of("message")[-1]["swipes"] == {"index": 1, "count": 2}


async def test_a_search_by_beams_is_told_as_texts_that_change_anywhere(page: Page) -> None:
    id = await page.begin()
    await page.say(id, "Hello")
    page.engine.scripts = [[Piece("The lamp"), Piece("A light", replaces=8), Piece(" burns.")]]
    events = Events(page, id)
    await events.has("busy")
    hold(page)
    await page.ask("POST", f"/page/conversations/{id}/beams", {"beams": 2})
    await page.engine.holding.wait()
    for count in (1, 2):
        await step(page)
        await events.has("draft", count)
    page.engine.hold.set()
    await events.has("message")
    assert [body["text"] for body in events.of("draft")] == ["The lamp", "A light", "A light burns."]


async def test_while_an_answer_is_made_nothing_changes_under_it_and_stop_keeps_its_text(page: Page) -> None:
    id = await page.begin()
    greeting = (await page.read(id))["messages"][0]["id"]
    hold(page)
    _, sent = await page.ask("POST", f"/page/conversations/{id}/messages", {"text": "Hello"})
    await page.engine.holding.wait()
    assert (await page.read(id))["busy"] is True
    for method, path, body in [
        ("POST", "again", None),
        ("POST", "continue", None),
        ("POST", "swipe", {"index": 0}),
        ("POST", "reset", None),
        ("POST", "beams", {"beams": 2}),
        ("PATCH", f"messages/{greeting}", {"text": "x"}),
        ("DELETE", f"messages/{sent['id']}", None),
    ]:
        assert await page.code(method, f"/page/conversations/{id}/{path}", body) == (409, "busy")
    status, body = await page.ask("POST", f"/page/conversations/{id}/stop")
    assert (status, body) == (200, {"stopped": True})
    page.engine.hold.set()
    await page.quiet()
    assert (await page.ask("POST", f"/page/conversations/{id}/stop"))[1] == {"stopped": False}


async def test_an_error_of_the_model_is_a_notice_also_for_who_listens_later(page: Page) -> None:
    id = await page.begin()
    page.engine.scripts = [[UserError("The model is gone.")]]
    await page.say(id, "Hello")
    events = Events(page, id)
    assert await events.has("notice") == {"text": "The model is gone."}


async def test_whoever_comes_amid_an_answer_sees_it_so_far(page: Page) -> None:
    id = await page.begin()
    page.engine.scripts = [[Piece("The lamp "), Piece("burns.")]]
    first = Events(page, id)
    await first.has("busy")
    hold(page)
    await page.ask("POST", f"/page/conversations/{id}/messages", {"text": "Hello"})
    await page.engine.holding.wait()
    late = Events(page, id)
    assert (await late.has("busy"))["busy"] is True
    page.engine.hold.set()
    await late.has("message")
    assert late.of("message")[-1]["text"] == "The lamp burns."


async def test_a_listener_that_leaves_is_forgotten_and_one_too_many_is_refused(page: Page) -> None:
    id = await page.begin()
    many = [Events(page, id) for _ in range(MAX_OF_PLACE)]
    for events in many:
        await events.has("busy")
    path = f"/page/conversations/{id}/events"
    assert await page.code("GET", path) == (429, "too_many_listeners")
    many[0].task.cancel()
    listeners = listeners_of(page)
    await until(lambda: listeners._count() < MAX_OF_PLACE)
    await Events(page, id).has("busy")


async def test_a_quiet_stream_is_kept_alive_by_comments(open_page: OpenPage) -> None:
    page = await open_page(times=StreamTimes(ping=0.02))
    id = await page.begin()
    async with page.client.get(f"{page.root}/page/conversations/{id}/events") as response:
        lines = [await response.content.readline() for _ in range(8)]
    assert lines.count(b": ping\n") >= 2


async def test_a_listener_that_does_not_read_is_left_and_holds_nobody_up(open_page: OpenPage) -> None:
    page = await open_page(times=StreamTimes(write=0.2))
    id = await page.begin()
    page.server._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(page.server._listener.getsockname()[:2])
        client.sendall(f"GET /page/conversations/{id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        listeners = listeners_of(page)
        await until(listeners._count)
        (greeting,) = (await page.read(id))["messages"]
        for _ in range(40):
            await page.do(id, f"messages/{greeting['id']}", {"text": "x" * 15_000}, "PATCH")
        await until(lambda: not listeners._count())


def test_drafts_that_wait_are_one_and_a_full_queue_ends() -> None:
    listener = Listener()
    for number in range(10 * MAX_EVENTS):
        listener.put(PageEvent("draft", {"text": str(number)}))
    assert [event.body["text"] for event in listener._waiting] == [str(10 * MAX_EVENTS - 1)]
    for _ in range(MAX_EVENTS):
        listener.put(PageEvent("message", {}))
    assert listener._is_closed


def test_notices_that_nobody_hears_are_few() -> None:
    listeners = Listeners()
    for number in range(100):
        listeners.tell(PLACE, "notice", text=str(number))
    assert [event.body["text"] for event in listeners._unheard[PLACE]] == ["97", "98", "99"]


async def test_an_erased_conversation_ends_its_streams_and_its_answer(page: Page) -> None:
    id = await page.begin()
    events = Events(page, id)
    await events.has("busy")
    hold(page)
    await page.ask("POST", f"/page/conversations/{id}/messages", {"text": "Hello"})
    await page.engine.holding.wait()
    assert (await page.ask("DELETE", f"/page/conversations/{id}"))[0] == 200
    await asyncio.wait_for(events.task, 20)
    assert page.engine.generations[-1].is_cancelled


async def test_the_end_of_the_server_ends_streams(page: Page) -> None:
    events = Events(page, await page.begin())
    await events.has("busy")
    page.server.stop_intake()
    await asyncio.wait_for(events.task, 20)


async def test_an_answer_that_a_restart_broke_off_is_made_by_the_next_process(open_page: OpenPage) -> None:
    async with AsyncExitStack() as first:
        page = await open_page(inside=first)
        id = await page.begin()
        hold(page)
        await page.ask("POST", f"/page/conversations/{id}/messages", {"text": "Hello"})
        await page.engine.holding.wait()
    again = await open_page()
    await again.quiet()
    assert await again.texts(id) == ["Sit, User.", "Hello", "Answer 1."]
    assert LATE not in str(await again.read(id))
