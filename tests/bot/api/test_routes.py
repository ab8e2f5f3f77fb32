"""Routes: the spellings that clients have for them, methods, models, health."""

import asyncio
import json
import re

import pytest

from bot.api.model_list import base_id
from bot.config import ModelSettings
from tests.bot.api.conftest import NOW, Api, asked, exchange

BASE = ModelSettings().name


def model(id: str, name: str) -> dict[str, object]:
    return {"id": id, "object": "model", "created": int(NOW), "owned_by": "alterego", "name": name}


async def test_each_persona_and_the_base_model_is_a_model(api: Api) -> None:
    status, body = await api.get("/v1/models")
    models = [model("mara", "Mara"), model("ozzo", "Ozzo"), model(BASE, BASE)]
    assert (status, body) == (200, {"object": "list", "data": models})


@pytest.mark.parametrize("id", ["mara", BASE, BASE.replace("/", "%2F"), "base"])
async def test_a_model_is_told_by_its_id(api: Api, id: str) -> None:
    status, body = await api.get(f"/v1/models/{id}")
    assert (status, body["id"]) == (200, id.replace("%2F", "/"))


async def test_an_unknown_model_is_not_found(api: Api) -> None:
    for status, body in [
        await api.get("/v1/models/gpt"),
        await api.post("/v1/completions", {"model": "gpt", "prompt": "x"}),
    ]:
        assert (status, body["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "HuggingFaceTB/SmolLM2-135M-Instruct"),
        ("bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M", "bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M"),
        ("ollama:llama3.2:1b", "ollama:llama3.2:1b"),
        ("/home/ana/models/secret.gguf", "base"),
        ("models/secret.gguf", "base"),
        ("../models", "base"),
        ("~/models", "base"),
        ("C:\\models\\secret", "base"),
    ],
)
def test_the_base_models_id_tells_no_file_of_the_machine(name: str, id: str) -> None:
    assert base_id(name) == id


@pytest.mark.parametrize(
    "path",
    ["/v1/models", "/models", "/v1/v1/models", "/v1/models/", "//v1//models", "/v1//models//", "/models?x=1"],
)
async def test_an_address_is_found_in_all_spellings_of_clients(api: Api, path: str) -> None:
    assert (await api.get(path))[0] == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1//chat/completions", "/chat/completions/"])
async def test_chats_are_found_in_all_spellings_of_clients(api: Api, path: str) -> None:
    assert (await api.post(path, asked()))[0] == 200


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v2/models", "/v1/embeddings", "/v1/chat", "/modelsx", "/%00"]
)
async def test_an_unknown_address_is_json_with_404(api: Api, path: str) -> None:
    status, body = await api.get(path)
    assert (status, body["error"]["code"]) == (404, "unknown_url")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST, OPTIONS"),
        ("POST", "/v1/models", "GET, HEAD, OPTIONS"),
        ("DELETE", "/v1/models/mara", "GET, HEAD, OPTIONS"),
        ("PUT", "/health", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_json_with_405(api: Api, method: str, path: str, allowed: str) -> None:
    async with api.client.request(method, api.root + path) as response:
        assert (response.status, response.headers["Allow"]) == (405, allowed)
        assert (await response.json())["error"]["code"] == "method_not_allowed"


async def test_head_is_get_without_a_body_and_options_names_the_methods(api: Api) -> None:
    async with api.client.head(api.root + "/v1/models") as response:
        assert (response.status, await response.read()) == (200, b"")
    async with api.client.options(api.root + "/v1/models") as response:
        assert (response.status, response.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_ready_tells_the_state_of_the_model_and_health_that_of_the_server(api: Api) -> None:
    assert await api.get("/ready") == (200, {"status": "ready"})
    api.engine.state = "loading"
    status, body = await api.get("/ready")
    assert (status, body["error"]["code"]) == (503, "model_not_ready")
    assert await api.get("/health") == (200, {"status": "ok"})


async def test_a_request_waits_until_the_model_is_loaded(api: Api) -> None:
    api.engine.loaded_model = asyncio.Event()
    asking = asyncio.create_task(api.chat())
    await asyncio.sleep(0.05)
    assert not asking.done()
    api.engine.loaded_model.set()
    assert (await asking)["choices"][0]["finish_reason"] == "stop"


async def test_a_text_is_tokenised(api: Api) -> None:
    body = {"model": "mara", "prompt": "aé<|im_end|>"}
    ids = [*"aé<|im_end|>".encode()]
    assert await api.post("/tokenize", body) == (200, {"count": 13, "max_model_len": 4096, "tokens": ids})
    special = {"count": 4, "max_model_len": 4096, "tokens": [*"aé".encode(), 256]}
    assert await api.post("/v1/tokenize", {**body, "parse_special": True}) == (200, special)


async def test_a_text_that_no_prompt_could_hold_is_not_tokenised(api: Api) -> None:
    status, body = await api.post("/tokenize", {"prompt": "x" * 100_000})
    assert (status, body["error"]["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("OPTIONS * HTTP/1.1", 404),
        ("CONNECT localhost:80 HTTP/1.1", 404),
        ("GET /health HTTP/1.1\r\nExpect: tea", 417),
        ("TRACE /health HTTP/1.1", 405),
    ],
)
async def test_odd_requests_are_refused_in_the_shape_of_openai(api: Api, line: str, status: int) -> None:
    answer = await exchange(api, f"{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert {*json.loads(body)["error"]} == {"message", "type", "param", "code"}


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(api: Api) -> None:
    body = json.dumps({"prompt": "a"})
    head = f"Host: localhost\r\nContent-Length: {len(body)}\r\nExpect: 100-Continue\r\nConnection: close"
    answer = await exchange(api, f"POST /tokenize HTTP/1.1\r\n{head}\r\n\r\n{body}")
    assert re.findall(r"HTTP/1.1 (\d+)", answer) == ["100", "200"]
