"""Fields of requests: what each does, what null and unknown ones do, and what is out of range."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.api.body import MAX_VALUES
from tests.bot.api.conftest import Api, OpenApi, asked
from tests.bot.config_file import settings as config_of
from tests.conftest import MARA

CHAT, RAW = "/v1/chat/completions", "/v1/completions"


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({}, {}),
        ({"temperature": 0}, {"temperature": 0.0}),
        ({"temperature": 1.5, "top_p": 0.5, "min_p": 0.1}, {"temperature": 1.5, "top_p": 0.5, "min_p": 0.1}),
        ({"top_k": 40.0}, {"top_k": 40}),
        ({"top_k": -1}, {"top_k": 0}),
        ({"repetition_penalty": 1}, {"repetition_penalty": 1.0}),
        (
            {"presence_penalty": 0.5, "frequency_penalty": -2},
            {"presence_penalty": 0.5, "frequency_penalty": -2.0},
        ),
        ({"max_tokens": 20}, {"max_tokens": 20}),
        ({"max_completion_tokens": 30, "max_tokens": 20}, {"max_tokens": 30}),
        ({"max_tokens": 20, "min_tokens": 5}, {"max_tokens": 20, "min_tokens": 5}),
        ({"temperature": None, "max_tokens": None, "stop": None, "n": None, "tools": None}, {}),
        ({"tools": [{}], "user": "ana", "sampling": {"top_k": 3}, "best_of": 2, "response_format": {}}, {}),
    ],
)
async def test_sampling_is_the_personas_but_for_the_fields_that_are_given(
    api: Api, given: dict[str, Any], changed: dict[str, Any]
) -> None:
    await api.chat(**given)
    (request,) = api.engine.requests
    assert request.sampling.model_dump() == {**MARA.sampling.model_dump(), **changed}
    assert (request.n, request.stop, request.logprobs, request.logit_bias) == (1, (), None, {})


async def test_an_answer_is_never_longer_than_the_context_has_room_for(api: Api) -> None:
    await api.chat(max_tokens=2_000_000_000)
    (request,) = api.engine.requests
    assert request.sampling.max_tokens == 4096 - len(request.ids)


@pytest.mark.parametrize(
    ("stop", "stops"),
    [("END", ("END",)), (["a", "b", "a", ""], ("a", "b")), ([], ()), ("", ())],
)
async def test_stop_is_a_text_or_a_list(api: Api, stop: object, stops: tuple[str, ...]) -> None:
    await api.chat(stop=stop)
    assert api.engine.requests[0].stop == stops


async def test_seed_candidates_and_biases_reach_the_engine(api: Api) -> None:
    await api.chat(seed=7, n=3, logit_bias={"5": -100, "7": 1.5})
    (request,) = api.engine.requests
    assert (request.seed, request.n, request.logit_bias) == (7, 3, {5: -100, 7: 1.5})


async def test_a_negative_seed_is_a_seed(api: Api) -> None:
    await api.chat(seed=-1)
    await api.chat(seed=-1)
    first, second = api.engine.requests
    assert first.seed == second.seed is not None


WRONG = [
    ("temperature", 6), ("temperature", -0.1), ("temperature", "1"), ("temperature", True), ("top_p", 0),
    ("top_p", 1.1), ("top_k", -2), ("top_k", 0.5), ("min_p", 2), ("repetition_penalty", 0),
    ("repetition_penalty", 1e-300),
    ("presence_penalty", 3), ("frequency_penalty", -3), ("max_tokens", 0), ("max_tokens", "5"),
    ("max_tokens", -1), ("max_completion_tokens", 1.5), ("min_tokens", -1), ("n", 0), ("n", 9), ("n", True),
    ("seed", "x"), ("seed", 1 << 70), ("stop", 5), ("stop", ["x"] * 65), ("stop", "x" * 1001),
    ("stop", [None]),
    ("logit_bias", []), ("logit_bias", {"x": 1}), ("logit_bias", {"1": 101}), ("logit_bias", {"1": "a"}),
    ("logit_bias", {str(id): 1 for id in range(1025)}), ("stream", "yes"), ("stream_options", 5),
    ("logprobs", 5), ("top_logprobs", 3), ("top_logprobs", 21), ("model", 5), ("model", ""),
    ("model", "x" * 501),
    ("messages", "Hello"), ("messages", {}), ("messages", []), ("messages", [{}]), ("messages", ["Hello"]),
    ("messages", [{"role": "user", "content": ""}]), ("messages", [{"role": "user", "content": "x"}] * 2001),
    ("messages", [{"role": "boss", "content": "x"}]), ("messages", [{"role": "user", "content": 5}]),
    ("messages", [{"role": "user", "content": [{"type": "video", "text": "x"}]}]),
    ("messages", [{"role": "user", "content": [5]}]), ("messages", [{"role": "user", "content": "\ud800"}]),
    ("messages", [{"role": "user", "content": "a\0"}]), 
    ("messages", [{"role": "user", "name": 1, "content": "a"}]),
    ("persona", "mine"), ("continue_final_message", "no"), ("min_tokens", 1 << 40),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), WRONG, ids=lambda value: str(value)[:40].encode("ascii", "replace")
)
async def test_a_wrong_field_is_named_in_the_shape_of_openai(api: Api, name: str, value: object) -> None:
    status, body = await api.post(CHAT, {**asked(), name: value})
    error = body["error"]
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert error["param"].startswith(name)
    assert {*error} == {"message", "type", "param", "code"}
    assert api.engine.requests == []


async def test_a_minimum_beyond_the_longest_answer_is_refused(api: Api) -> None:
    status, body = await api.post(CHAT, asked(min_tokens=5, max_tokens=4))
    assert (status, body["error"]["param"]) == (400, "min_tokens")


async def test_more_candidates_than_rows_are_refused(open_api: OpenApi, tmp_path: Path) -> None:
    api = await open_api(config=config_of(tmp_path, "[model]\nrows = 2"))
    status, body = await api.post(CHAT, asked(n=3))
    assert (status, body["error"]["param"]) == (400, "n")
    assert (await api.post(CHAT, asked(n=2)))[0] == 200


@pytest.mark.parametrize("name", ["model", "messages"])
async def test_a_missing_field_is_named(api: Api, name: str) -> None:
    body = {key: value for key, value in asked().items() if key != name}
    status, answer = await api.post(CHAT, body)
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (
        400,
        "missing_required_parameter",
        name,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"5", b"null", b'"x"', b"\xff\xfe\xfa", b"{'a': 1}", b'{"a": NaN}',
        b'{"a": Infinity}',
        b"[" * 100_000, b'{"a":' * 100_000, b'{"n": ' + b"9" * 10_000 + b"}", b'{"temperature": 1e999}',
        b'{"model": "mara", "messages": [{"role": "user", "content": "\\ud800"}]}',
    ],
    ids=lambda body: body[:12].decode("ascii", "replace"),
)  # fmt: skip
async def test_a_body_that_is_no_object_of_json_is_refused(api: Api, body: bytes) -> None:
    for path in (CHAT, RAW, "/tokenize"):
        status, answer = await api.post(path, body)
        assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "unknown",
    ["[" + "[]," * MAX_VALUES + "1]", "{" + '"a":1,' * MAX_VALUES + '"b":1}', '["\\\\",' * MAX_VALUES],
    ids=["lists", "keys", "backslashes"],
)
async def test_a_body_of_too_many_values_is_refused_before_they_are_read(
    api: Api, unknown: str, encoding: str
) -> None:
    body = f'{{"unknown": {unknown}, "model": "mara", "messages": [{{"role": "user", "content": "x"}}]}}'
    status, answer = await api.post(CHAT, body.encode(encoding))
    assert (status, answer["error"]["code"]) == (413, "request_too_large")


async def test_a_text_is_one_value_whatever_stands_in_it(api: Api) -> None:
    text = '[{"a\\": "b,\\\\", \'\n' * MAX_VALUES
    assert (await api.post(CHAT, asked("Hello", unknown=[text, "b"])))[0] == 200


@pytest.mark.parametrize("wrong", [1, "a"])
async def test_too_many_biases_are_refused_before_each_is_read(api: Api, wrong: object) -> None:
    status, body = await api.post(CHAT, asked(logit_bias={str(id): wrong for id in range(1025)}))
    assert (status, body["error"]["message"]) == (400, "logit_bias: write at most 1,024 token ids")


async def test_an_error_does_not_repeat_a_long_key(api: Api) -> None:
    status, body = await api.post(CHAT, asked(logit_bias={"a" * 1_000: "b"}))
    assert (status, body["error"]["param"]) == (400, "logit_bias")


async def test_the_type_of_a_body_does_not_matter_nor_does_its_charset(api: Api) -> None:
    for kind in ("application/json; charset=UTF8", "text/plain", "application/json;charset=latin1"):
        status, _ = await api.post(CHAT, asked("猫"), headers={"Content-Type": kind})
        assert status == 200
        assert "猫" in api.prompt


async def test_a_body_of_utf_16_is_read(api: Api) -> None:
    assert (await api.post(CHAT, json.dumps(asked()).encode("utf-16")))[0] == 200


async def test_a_deep_field_that_nobody_knows_is_ignored(api: Api) -> None:
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    assert (await api.post(CHAT, asked(unknown=deep)))[0] == 200


async def test_a_persona_called_by_another_name_is_no_model(api: Api) -> None:
    status, body = await api.post(CHAT, {**asked(), "model": "Mara"})
    assert (status, body["error"]["code"], body["error"]["param"]) == (404, "model_not_found", "model")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ROLES = st.sampled_from(["user", "assistant", "system", "developer", "tool", "boss"])
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {}, optional={"role": ROLES | JSON, "content": st.text() | JSON, "name": st.text() | JSON}
    ),
    max_size=5,
)
NAMES = [
    "temperature", "top_p", "top_k", "min_p", "n", "seed", "stop", "stream", "stream_options", "logprobs",
    "top_logprobs", "max_tokens", "max_completion_tokens", "min_tokens", "logit_bias", "persona", "echo",
    "presence_penalty", "frequency_penalty", "repetition_penalty", "continue_final_message", "parse_special",
]  # fmt: skip
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["mara", "base", "nobody"]) | JSON,
        "messages": MESSAGES | JSON,
        "prompt": st.text() | st.lists(st.integers()) | st.lists(st.text()) | JSON,
        **{name: JSON for name in NAMES},
    },
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from([CHAT, RAW, "/tokenize"]), body=BODIES | JSON)
async def test_no_body_makes_the_server_fail(api: Api, path: str, body: object) -> None:
    async with api.client.post(api.root + path, data=json.dumps(body)) as response:
        assert response.status in (200, 400, 404)
        kind = "text/event-stream" if response.status == 200 and is_streamed(body) else "application/json"
        assert response.content_type == kind
        if response.status != 200:
            assert {*await response.json()} == {"error"}


def is_streamed(body: object) -> bool:
    return isinstance(body, dict) and body.get("stream") is True
