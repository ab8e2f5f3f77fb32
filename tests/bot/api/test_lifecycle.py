"""Clients that leave, stop reading or are too many, and the end of the server."""

import asyncio
import json
import socket
from contextlib import suppress

import pytest
from aiohttp import ClientSession, web

from bot.api.connections import Connections
from bot.api.event_stream import StreamTimes
from bot.api.listening import listen
from bot.config import ServeSettings
from bot.engine.interface import Piece
from bot.errors import UserError
from tests.bot.api.conftest import Api, OpenApi, asked, until

PATH = "/v1/chat/completions"


def hold(api: Api) -> None:
    api.engine.hold, api.engine.holding = asyncio.Event(), asyncio.Event()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_before_the_first_word_cancels_its_answer(api: Api, stream: bool) -> None:
    hold(api)
    asking = asyncio.create_task(api.post(PATH, asked(stream=stream)))
    await api.engine.holding.wait()
    asking.cancel()
    await until(lambda: api.engine.generations[0].is_cancelled)
    assert not api.backend.running


async def test_a_client_that_leaves_amid_a_stream_cancels_its_answer(api: Api) -> None:
    api.engine.scripts = [[Piece("word and ")] * 1_000_000]
    async with api.client.post(api.root + PATH, json=asked(stream=True)) as response:
        await response.content.readline()
        response.close()
    await until(lambda: api.engine.generations[0].is_cancelled)


async def test_a_client_that_leaves_while_the_model_loads_asks_for_nothing(api: Api) -> None:
    api.engine.loaded_model = asyncio.Event()
    asking = asyncio.create_task(api.post(PATH, asked()))
    await until(lambda: api.server._handlers._slots._taken)
    asking.cancel()
    await until(lambda: not api.server._handlers._slots._taken)
    api.engine.loaded_model.set()
    await asyncio.sleep(0.05)
    assert api.engine.requests == []


async def test_a_client_that_stops_reading_loses_its_answer(open_api: OpenApi) -> None:
    api = await open_api(times=StreamTimes(write=0.2))
    api.engine.scripts = [[Piece("word and " * 1000)] * 1_000_000]
    reader, writer = await asyncio.open_connection(*api.server._listener.getsockname()[:2], limit=1)
    body = json.dumps(asked(stream=True, persona="adapter")).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await reader.read(1)
    await until(lambda: api.engine.generations[0].is_cancelled)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def connect_idler(api: Api, body: object) -> socket.socket:
    """Send a request on a connection with small buffers, of which nobody reads the answer."""
    api.server._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(api.server._listener.getsockname()[:2])
    data = json.dumps(body).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
    client.sendall(head.encode() + data)
    return client


@pytest.mark.parametrize("error", [[], [UserError("The model is gone.")]], ids=["end", "error"])
@pytest.mark.parametrize("kilobytes", range(60, 100, 10))
async def test_a_client_that_reads_no_end_of_a_stream_holds_no_slot(
    open_api: OpenApi, kilobytes: int, error: list[Exception]
) -> None:
    api = await open_api(times=StreamTimes(write=0.2))
    api.engine.scripts = [[*[Piece("x" * 1000)] * kilobytes, *error]]
    with connect_idler(api, asked(stream=True, persona="adapter")):
        await until(lambda: api.engine.generations)
        await until(lambda: not api.server._handlers._slots._taken)


async def test_a_client_that_reads_no_answer_loses_its_connection(open_api: OpenApi) -> None:
    api = await open_api(connections=Connections(asyncio.get_running_loop().time, 0.1))
    api.engine.scripts = [[Piece("word and " * 100_000)]]
    with connect_idler(api, asked(persona="adapter")):
        await until(lambda: api.engine.generations)
        server = api.server._runner.server
        assert isinstance(server, web.Server)
        await until(lambda: not server.connections)


async def test_comments_show_a_waiting_client_that_the_server_lives(open_api: OpenApi) -> None:
    api = await open_api(times=StreamTimes(ping=0.02))
    hold(api)
    streaming = asyncio.create_task(api.stream(asked(stream=True)))
    await asyncio.sleep(0.3)
    assert api.engine.hold
    api.engine.hold.set()
    lines = await streaming
    pings = [line for line in lines if line == ": ping"]
    assert len(pings) > 2
    assert lines[: len(pings)] == pings
    assert lines[-1] == "data: [DONE]"


async def test_an_error_after_a_comment_is_an_event(open_api: OpenApi) -> None:
    api = await open_api(times=StreamTimes(ping=0.02))
    api.engine.scripts = [[UserError("The model is gone.")]]
    hold(api)
    streaming = asyncio.create_task(api.stream(asked(stream=True)))
    await asyncio.sleep(0.2)
    assert api.engine.hold
    api.engine.hold.set()
    *_, last = await streaming
    assert json.loads(last.removeprefix("data: "))["error"]["message"] == "The model is gone."


async def test_one_request_too_many_is_refused_and_a_free_slot_is_used_again(open_api: OpenApi) -> None:
    api = await open_api(requests=2)
    hold(api)
    asking = [asyncio.create_task(api.post(PATH, asked())) for _ in range(2)]
    await until(lambda: len(api.engine.requests) == 2)
    status, body = await api.post(PATH, asked())
    assert (status, body["error"]["code"]) == (429, "rate_limit_exceeded")
    assert (await api.get("/v1/models"))[0] == 200
    assert api.engine.hold
    api.engine.hold.set()
    assert [status for status, _ in await asyncio.gather(*asking)] == [200, 200]
    assert (await api.post(PATH, asked()))[0] == 200


async def test_the_end_of_the_server_ends_answers_with_an_error(open_api: OpenApi) -> None:
    api = await open_api()
    api.engine.scripts = [[Piece("word and ")] * 1_000_000]
    async with api.client.post(api.root + PATH, json=asked(stream=True)) as response:
        await response.content.readline()
        api.server.stop_intake()
        text = await response.text()
    assert json.loads(text.rpartition("data: ")[2])["error"]["code"] == "stopping"
    status, body = await api.post(PATH, asked())
    assert (status, body["error"]["code"]) == (503, "stopping")


async def test_a_connection_without_a_request_is_closed(open_api: OpenApi) -> None:
    api = await open_api(connections=Connections(asyncio.get_running_loop().time, 0.1))
    for sent in (b"", b"POST /v1/chat/completions HTTP/1.1\r\nHost: lo"):
        reader, writer = await asyncio.open_connection(*api.server._listener.getsockname()[:2])
        writer.write(sent)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_a_slow_answer_is_no_idle_connection(open_api: OpenApi) -> None:
    api = await open_api(connections=Connections(asyncio.get_running_loop().time, 0.05))
    hold(api)
    asking = asyncio.create_task(api.post(PATH, asked()))
    await asyncio.sleep(0.5)
    assert api.engine.hold
    api.engine.hold.set()
    assert (await asking)[0] == 200


async def test_a_long_header_is_refused(api: Api) -> None:
    async with api.client.get(api.root + "/v1/models", headers={"X-Long": "x" * 20_000}) as response:
        assert response.status == 400


@pytest.mark.parametrize("path", [PATH, "/v1/completions"])
async def test_no_answer_begins_once_the_server_ends(api: Api, path: str) -> None:
    api.engine.loaded_model = asyncio.Event()
    asking = asyncio.create_task(api.post(path, asked(prompt="Hello")))
    await until(lambda: api.server._handlers._slots._taken)
    api.server.stop_intake()
    api.engine.loaded_model.set()
    status, body = await asking
    assert (status, body["error"]["code"], api.engine.requests) == (503, "stopping", [])


def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError) as caught:
            listen(ServeSettings(port=port))
    said = f"The API's port {port} at 127.0.0.1 is taken by another program: set another port in [serve] of"
    assert str(caught.value) == f"{said} config.toml."


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("no-such-host.invalid", "which no name server knows"),
        ("203.0.113.5", "that this machine does not have"),
    ],
)
def test_a_host_that_is_not_here_is_one_sentence(host: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        listen(ServeSettings(host=host, port=0))


async def test_ten_clients_are_answered_at_once(api: Api) -> None:
    async with ClientSession() as session:

        async def ask(number: int) -> str:
            body = asked(f"number {number}", stream=bool(number % 2))
            async with session.post(api.root + PATH, json=body) as response:
                return await response.text()

        answers = await asyncio.gather(*(ask(number) for number in range(10)))
    assert all("Answer" in answer for answer in answers)
    assert not api.backend.running
