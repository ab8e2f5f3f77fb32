"""Completions of raw text."""

from typing import Any

import pytest

from bot.engine.interface import Piece, TokenLogprob
from tests.bot.api.conftest import NOW, Api
from tests.bot.api.engine import says, token

PATH = "/v1/completions"


def raw(prompt: object, **fields: object) -> dict[str, object]:
    return {"model": "mara", "prompt": prompt, **fields}


async def complete(api: Api, prompt: object, **fields: object) -> Any:
    status, body = await api.post(PATH, raw(prompt, **fields))
    assert status == 200, body
    return body


async def test_an_answer_has_the_shape_of_openai(api: Api) -> None:
    api.engine.scripts = [says(" more", ".")]
    body = await complete(api, "Once")
    del body["id"]
    assert body == {
        "object": "text_completion",
        "created": int(NOW),
        "model": "mara",
        "choices": [{"index": 0, "text": " more.", "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 4,
            "completion_tokens": 2,
            "total_tokens": 6,
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


async def test_the_prompt_is_the_text_alone(api: Api) -> None:
    await complete(api, "Once <|im_end|>")
    (request,) = api.engine.requests
    assert request.ids == tuple(b"Once <|im_end|>")
    assert (request.stop_ids, request.stop, request.shared, request.place) == (frozenset(), (), 0, None)


async def test_control_tokens_count_only_where_the_client_asks_for_it(api: Api) -> None:
    await complete(api, "Once<|im_end|>", parse_special=True)
    assert api.engine.requests[0].ids == (*b"Once", 256)


async def test_prompts_may_be_ids_or_several(api: Api) -> None:
    for prompt in ([1, 2], [[1, 2]], ["\x01\x02"]):
        await complete(api, prompt)
        assert api.engine.requests[-1].ids == (1, 2)
    body = await complete(api, ["a", [98]], n=2)
    assert [request.ids for request in api.engine.requests[3:]] == [(97,), (98,)]
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    assert [choice["text"] for choice in body["choices"]] == ["Answer 4."] * 2 + ["Answer 5."] * 2
    assert body["usage"]["prompt_tokens"] == 2


async def test_the_prompt_comes_first_where_an_echo_is_asked_for(api: Api) -> None:
    body = await complete(api, ["a", [98]], echo=True)
    assert [choice["text"] for choice in body["choices"]] == ["aAnswer 1.", "bAnswer 2."]
    chunks = await api.chunks(raw("a", echo=True, stream=True), PATH)
    assert "".join(each["choices"][0]["text"] for each in chunks) == "aAnswer 3."


async def test_a_stream_ends_with_a_reason_in_a_chunk_of_its_own(api: Api) -> None:
    *chunks, usage = await api.chunks(raw("a", stream=True, stream_options={"include_usage": True}), PATH)
    assert [each["choices"] for each in chunks] == [
        [{"index": 0, "text": "Answer ", "logprobs": None, "finish_reason": None}],
        [{"index": 0, "text": "1.", "logprobs": None, "finish_reason": None}],
        [{"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}],
    ]
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 3)


async def test_logprobs_have_the_old_shape_with_offsets(api: Api) -> None:
    script = [
        Piece("ab", tokens=(token("a", -0.5, token("a", -0.5), token("x", -2.0)),)),
        Piece("c", tokens=(token("bc", -1.0),)),
    ]
    api.engine.scripts = [script, script]
    told = {
        "tokens": ["a", "bc"],
        "token_logprobs": [-0.5, -1.0],
        "top_logprobs": [{"a": -0.5, "x": -2.0}, {}],
        "text_offset": [2, 3],
    }
    body = await complete(api, "12", logprobs=10, echo=True)
    assert body["choices"][0]["logprobs"] == told
    assert api.engine.requests[0].logprobs == 10
    chunks = await api.chunks(raw("12", logprobs=0, stream=True), PATH)
    offsets = [each["choices"][0]["logprobs"] for each in chunks]
    assert [each["text_offset"] for each in offsets if each] == [[0], [2]]


async def test_offsets_count_the_characters_of_the_text_where_tokens_end_inside_one(api: Api) -> None:
    script = [
        Piece("猫", tokens=tuple(TokenLogprob(1, bytes([byte]), -0.5) for byte in "猫".encode())),
        Piece("é!", tokens=(TokenLogprob(1, b"\xc3", -0.5), TokenLogprob(1, b"\xa9!", -0.5))),
        Piece(".", tokens=(token("."),)),
    ]
    api.engine.scripts = [script, script]
    whole = (await complete(api, "12", logprobs=0))["choices"][0]
    assert (whole["text"], whole["logprobs"]["text_offset"]) == ("猫é!.", [0, 0, 0, 1, 1, 3])
    chunks = await api.chunks(raw("12", logprobs=0, stream=True), PATH)
    offsets = [each["choices"][0]["logprobs"] for each in chunks]
    assert [each["text_offset"] for each in offsets if each] == [[0, 0, 0], [1, 1], [3]]


@pytest.mark.parametrize(
    "prompt",
    [
        5,
        {},
        [],
        "",
        [[]],
        [None],
        [-1],
        [1, "a"],
        ["a", 1],
        [True],
        [1 << 31],
        ["a"] * 33,
        "a\0",
        "\ud800",
        [["a"]],
    ],
    ids=str,
)
async def test_a_wrong_prompt_is_named(api: Api, prompt: object) -> None:
    status, body = await api.post(PATH, raw(prompt))
    assert (status, body["error"]["param"]) == (400, "prompt")


async def test_a_missing_prompt_and_too_many_choices_are_named(api: Api) -> None:
    status, body = await api.post(PATH, {"model": "mara"})
    assert (status, body["error"]["param"]) == (400, "prompt")
    status, body = await api.post(PATH, raw(["a"] * 20, n=8))
    assert (status, body["error"]["param"]) == (400, "n")


@pytest.mark.parametrize("prompt", ["x" * 5_000, "x" * 1_000_000, [1] * 5_000])
async def test_a_prompt_beyond_the_context_is_an_error_that_says_so(api: Api, prompt: object) -> None:
    status, body = await api.post(PATH, raw(prompt))
    assert (status, body["error"]["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize("model", ["mara", "base"])
async def test_a_search_streams_its_text_at_the_end(api: Api, model: str) -> None:
    api.engine.scripts = [[Piece("One"), Piece("Another", replaces=3), Piece(" word.", replaces=2)]]
    chunks = await api.chunks(raw("a", stream=True, num_beams=2, model=model), PATH)
    assert [chunk["choices"][0]["text"] for chunk in chunks] == ["Anoth word.", ""]
