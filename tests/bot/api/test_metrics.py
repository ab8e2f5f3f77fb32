"""Metrics: counts after known requests, bounded labels, and nothing of a client's words."""

import asyncio
import json
from contextlib import suppress

import pytest
from aiohttp import ClientResponse
from prometheus_client.parser import text_string_to_metric_families

from bot.api.event_stream import StreamTimes
from bot.engine.interface import Piece
from bot.errors import UserError
from tests.bot.api.conftest import Api, OpenApi, asked, until

PATH = "/v1/chat/completions"
KEY = "a-key-of-twenty-letters"
FAMILIES = """
alterego_requests counter
alterego_generation_queue_seconds histogram
alterego_generation_first_token_seconds histogram
alterego_generation_seconds histogram
alterego_event_loop_lag_seconds histogram
alterego_engine_state gauge
alterego_engine_memory_bytes gauge
alterego_engine_requests_running gauge
alterego_engine_requests_queued gauge
alterego_engine_rows gauge
alterego_engine_tokens_per_second gauge
alterego_engine_prefix_cache_hit_ratio gauge
alterego_engine_adapters gauge
alterego_engine_requests_answered counter
alterego_engine_prompt_tokens counter
alterego_engine_reused_prompt_tokens counter
alterego_engine_answer_tokens counter
""".strip().splitlines()


async def scrape(api: Api) -> str:
    async with api.client.get(f"{api.root}/metrics") as response:
        assert response.status == 200
        return await response.text()


async def requests(api: Api) -> dict[tuple[str, str], float]:
    """Return the counts of requests by route and status, without those of scrapes."""
    families = {family.name: family for family in text_string_to_metric_families(await scrape(api))}
    counts = [(each.labels, each.value) for each in families["alterego_requests"].samples]
    return {(at["route"], at["status"]): n for at, n in counts if at["route"] != "metrics"}


async def is_counted_as_left(api: Api) -> None:
    """Wait until the one request, and nothing else, is counted."""
    await until(lambda: api.engine.generations[0].is_cancelled)
    async with asyncio.timeout(20):
        while not (counted := await requests(api)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert counted == {("chat", "left"): 1}


async def generations(api: Api) -> list[float]:
    """Return the numbers of queue waits, first tokens and ends that were observed."""
    samples = [
        each for family in text_string_to_metric_families(await scrape(api)) for each in family.samples
    ]
    names = [f"alterego_generation_{part}seconds_count" for part in ("queue_", "first_token_", "")]
    values = {each.name: each.value for each in samples if each.name in names}
    return [values[name] for name in names]


async def test_every_family_has_a_type_and_a_meaning(api: Api) -> None:
    families = [*text_string_to_metric_families(await scrape(api))]
    assert [f"{family.name} {family.type}" for family in families] == FAMILIES
    assert all(family.documentation for family in families)


async def test_requests_are_counted_by_route_and_class_of_status(api: Api) -> None:
    await api.chat()
    await api.chat("Hello", n=2)
    await api.stream(asked(stream=True))
    await api.post(PATH, {**asked(), "model": "gpt"})
    await api.post("/v1/completions", {"model": "base", "prompt": ["x", "y"]})
    await api.post("/tokenize", {"prompt": "x"})
    for path in ("/v1/models", "/v1/models/mara", "/v1/models/gpt", "/health", "/ready", "/nowhere"):
        await api.get(path)
    await api.get(PATH)
    api.engine.scripts = [[UserError("The model is gone.")]]
    await api.post(PATH, asked())
    assert await requests(api) == {
        ("chat", "2xx"): 3,
        ("chat", "4xx"): 2,
        ("chat", "5xx"): 1,
        ("completions", "2xx"): 1,
        ("tokenize", "2xx"): 1,
        ("models", "2xx"): 1,
        ("model", "2xx"): 1,
        ("model", "4xx"): 1,
        ("health", "2xx"): 1,
        ("ready", "2xx"): 1,
        ("other", "4xx"): 1,
    }
    assert await generations(api) == [5, 5, 5]


async def test_an_answer_without_a_token_has_no_time_to_its_first_one(api: Api) -> None:
    api.engine.scripts = [["deadline"]]
    assert (await api.post(PATH, asked()))[0] == 503
    assert await generations(api) == [1, 0, 1]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_before_the_first_word_is_counted(api: Api, stream: bool) -> None:
    api.engine.hold, api.engine.holding = asyncio.Event(), asyncio.Event()
    asking = asyncio.create_task(api.post(PATH, asked(stream=stream)))
    await api.engine.holding.wait()
    asking.cancel()
    await is_counted_as_left(api)


async def test_a_client_that_leaves_amid_a_stream_is_counted(api: Api) -> None:
    api.engine.scripts = [[Piece("word and ")] * 1_000_000]
    async with api.client.post(api.root + PATH, json=asked(stream=True)) as response:
        await response.content.readline()
        response.close()
    await is_counted_as_left(api)


async def test_a_client_that_stops_reading_is_counted(open_api: OpenApi) -> None:
    api = await open_api(times=StreamTimes(write=0.2))
    api.engine.scripts = [[Piece("word and " * 1000)] * 1_000_000]
    reader, writer = await asyncio.open_connection(*api.server._listener.getsockname()[:2], limit=1)
    body = json.dumps(asked(stream=True, persona="adapter"))
    writer.write(
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    await reader.read(1)
    await is_counted_as_left(api)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_an_error_amid_a_stream_is_counted_as_its_own_status(api: Api) -> None:
    api.engine.scripts = [[Piece("A word "), Piece("and "), UserError("The model is gone.")]]
    assert "The model is gone." in (await api.stream(asked(stream=True, persona="adapter")))[-1]
    assert await requests(api) == {("chat", "5xx"): 1}


async def test_clients_make_no_series_and_none_of_their_words_is_told(api: Api) -> None:
    await api.post(PATH, asked())
    for number in range(20):
        secret = f"secret{number}"
        await api.post(PATH, {**asked(secret), "model": secret, "user": secret})
        await api.get(f"/v1/models/{secret}", headers={"X-Request-Id": secret})
        await api.get(f"/{secret}?{secret}")
        await api.get("/v1/models", headers={"Host": f"{secret}.example"})
        await api.client.request("PROPFIND", f"{api.root}/v1/models/{secret}")
    text = await scrape(api)
    assert "secret" not in text.casefold()
    assert await requests(api) == {
        ("chat", "2xx"): 1,
        ("chat", "4xx"): 20,
        ("model", "4xx"): 40,
        ("other", "4xx"): 40,
    }


async def test_the_format_is_prometheus_text_and_head_has_no_body(api: Api) -> None:
    def head(response: ClientResponse) -> tuple[int, str]:
        return response.status, response.headers["Content-Type"]

    expected = (200, "text/plain; version=0.0.4; charset=utf-8")
    async with api.client.get(f"{api.root}/metrics") as response:
        assert head(response) == expected
    async with api.client.head(f"{api.root}/v1/metrics") as response:
        assert (head(response), await response.read()) == (expected, b"")


async def test_metrics_ask_for_the_key(open_api: OpenApi) -> None:
    api = await open_api(key=KEY)
    status, body = await api.get("/metrics")
    assert (status, body["error"]["code"]) == (401, "invalid_api_key")
    async with api.client.get(f"{api.root}/metrics", headers={"Authorization": f"Bearer {KEY}"}) as response:
        assert response.status == 200
        assert 'alterego_requests_total{route="metrics",status="4xx"} 1.0' in await response.text()


async def test_a_scrape_does_not_wait_for_the_model_or_for_a_slot(open_api: OpenApi) -> None:
    api = await open_api(requests=1)
    api.engine.loaded_model, api.engine.state = asyncio.Event(), "loading"
    asking = asyncio.create_task(api.post(PATH, asked()))
    await until(lambda: api.server._handlers._slots._taken)
    assert 'alterego_engine_state{state="loading"} 1.0' in await scrape(api)
    api.engine.loaded_model.set()
    assert (await asking)[0] == 200


async def test_servers_of_one_process_count_apart(open_api: OpenApi) -> None:
    one, other = await open_api(), await open_api()
    await one.chat()
    assert (await requests(one), await requests(other)) == ({("chat", "2xx"): 1}, {})
