"""Bodies of requests: large, compressed and damaged ones, and requests that are no HTTP."""

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO

import pytest

from bot.api.body import MAX_BODY
from tests.bot.api.conftest import Api, asked, exchange

PATH = "/v1/chat/completions"


async def test_a_body_that_is_too_large_is_refused_by_its_length_or_while_it_comes(api: Api) -> None:
    async def endless() -> object:
        with suppress(asyncio.CancelledError):
            for _ in range(MAX_BODY // 1_000_000 + 2):
                yield b" " * 1_000_000

    for body in (BytesIO(b" " * (MAX_BODY + 1)), endless()):
        async with api.client.post(api.root + PATH, data=body) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_a_compressed_body_is_read_up_to_the_size_of_any_other(
    api: Api, pack: Callable[[bytes], bytes]
) -> None:
    headers = {"Content-Encoding": "gzip" if pack is gzip.compress else "deflate"}
    packed = pack(json.dumps(asked()).encode())
    assert (await api.post(PATH, packed, headers=headers))[0] == 200
    for body, status in ((packed[:-1], 400), (b"{}", 400), (pack(b" " * (MAX_BODY + 1)), 413)):
        assert (await api.post(PATH, body, headers=headers))[0] == status
    status, answer = await api.post(PATH, packed, headers={"Content-Encoding": "br"})
    assert (status, answer["error"]["code"]) == (415, "unknown_encoding")


async def test_the_body_of_a_refused_request_is_never_decompressed(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    head = "Host: evil.example\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n"
    other = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answers = await exchange(api, f"POST {PATH} HTTP/1.1\r\n{head}{{}}{other}")
    assert re.findall(r"HTTP/1.1 (\d+)", answers) == ["403", "200"]
    assert caplog.records == []


async def test_a_large_body_is_read(api: Api) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 8_000_000}}
    content = [{"type": "text", "text": "See?"}, image]
    body = {"model": "mara", "messages": [{"role": "user", "content": content}]}
    assert (await api.post(PATH, body))[0] == 200
    assert "See?\n  [image]" in api.prompt


@pytest.mark.parametrize(
    "sent",
    [
        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\x01-secret\r\n\r\n",
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity\r\n\r\na secret",
        f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\na secret",
        "GET /v1/models HTTP/1.1\r\nHost: secret\r\nHost: localhost\r\n\r\n",
        "GET http://[::1/secret HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["header", "encoding", "chunk", "hosts", "address"],
)
async def test_a_request_that_is_no_http_is_refused_and_leaves_no_word_in_the_log(
    api: Api, sent: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await exchange(api, sent)).startswith("HTTP/1.0 400 Bad Request")
    assert caplog.records == []
