"""Chat answers: their shapes, whole and streamed."""

import json
from typing import Any

import pytest

from bot.engine.interface import Piece
from bot.errors import UserError
from tests.bot.api.conftest import NOW, Api, asked
from tests.bot.api.engine import says, token


def without_id(body: dict[str, Any]) -> dict[str, Any]:
    assert body["id"].startswith(("chatcmpl-", "cmpl-"))
    return {name: value for name, value in body.items() if name != "id"}


async def test_a_whole_answer_has_the_shape_of_openai(api: Api) -> None:
    api.engine.scripts = [[*says("Aye", ".")]]
    body = await api.chat("Hello")
    prompt = len(api.engine.requests[0].ids)
    assert without_id(body) == {
        "object": "chat.completion",
        "created": int(NOW),
        "model": "mara",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Aye.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": 2,
            "total_tokens": prompt + 2,
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def chunk(delta: dict[str, str], reason: str | None = None) -> dict[str, object]:
    return {
        "object": "chat.completion.chunk",
        "created": int(NOW),
        "model": "mara",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}],
    }


async def test_a_stream_opens_with_the_role_and_ends_with_a_reason_in_a_chunk_of_its_own(api: Api) -> None:
    api.engine.scripts = [says("Aye", " then.")]
    chunks = await api.chunks(asked(stream=True))
    assert [without_id(each) for each in chunks] == [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Aye"}),
        chunk({"content": " then."}),
        chunk({}, "stop"),
    ]
    assert len({each["id"] for each in chunks}) == 1


async def test_usage_comes_last_and_without_choices_only_where_it_is_asked_for(api: Api) -> None:
    *chunks, last = await api.chunks(asked(stream=True, stream_options={"include_usage": True}))
    assert {each["usage"] for each in chunks} == {None}
    assert (last["choices"], last["usage"]["completion_tokens"]) == ([], 2)
    assert all("usage" not in each for each in await api.chunks(asked(stream=True)))
    assert all(each["choices"] for each in await api.chunks(asked(stream=True)))


async def test_a_stream_tells_proxies_to_hold_nothing_back(api: Api) -> None:
    async with api.client.post(api.root + "/v1/chat/completions", json=asked(stream=True)) as response:
        assert response.headers["X-Accel-Buffering"] == "no"
        assert response.headers["Cache-Control"] == "no-cache, no-transform"
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"


async def test_no_event_of_a_stream_has_an_id(api: Api) -> None:
    assert all(line.startswith("data: ") for line in await api.stream(asked(stream=True)))


async def test_several_candidates_are_choices_by_index(api: Api) -> None:
    script = [Piece("One two ", 0), Piece("Four five", 1), Piece("three", 0)]
    api.engine.scripts = [script, script]
    body = await api.chat(n=2)
    assert [choice["message"]["content"] for choice in body["choices"]] == ["One two three", "Four five"]
    chunks = await api.chunks(asked(n=2, stream=True))
    told = [(c["choices"][0]["index"], c["choices"][0]["delta"].get("content")) for c in chunks]
    assert told == [
        *[(0, ""), (1, ""), (0, "One two"), (1, "Four five"), (0, " three")],
        *[(0, None), (1, None)],
    ]


async def test_logprobs_stand_with_the_text_that_their_tokens_end_in(api: Api) -> None:
    likeliest = token("A", -0.25), token("É", float("-inf"))
    api.engine.scripts = [[Piece("Aye", tokens=(token("A", -0.25, *likeliest), token("ye", -1.0)))]] * 2
    body = await api.chat(logprobs=True, top_logprobs=2)
    content = [
        {
            "token": "A",
            "logprob": -0.25,
            "bytes": [65],
            "top_logprobs": [
                {"token": "A", "logprob": -0.25, "bytes": [65]},
                {"token": "É", "logprob": -9999.0, "bytes": [195, 137]},
            ],
        },
        {"token": "ye", "logprob": -1.0, "bytes": [121, 101], "top_logprobs": []},
    ]
    assert body["choices"][0]["logprobs"] == {"content": content, "refusal": None}
    assert api.engine.requests[0].logprobs == 2
    chunks = await api.chunks(asked(stream=True, logprobs=True))
    assert [each["choices"][0]["logprobs"] for each in chunks] == [
        None,
        {"content": content, "refusal": None},
        None,
    ]
    assert api.engine.requests[1].logprobs == 0


async def test_an_answer_without_words_is_empty_text_and_never_null(api: Api) -> None:
    api.engine.scripts = [[]]
    assert (await api.chat())["choices"][0]["message"]["content"] == ""


@pytest.mark.parametrize(("finish", "reason"), [("length", "length"), ("deadline", "length")])
async def test_an_answer_that_was_cut_says_so(api: Api, finish: str, reason: str) -> None:
    api.engine.scripts = [[*says("Aye "), finish]]  # type: ignore[list-item]
    assert (await api.chat())["choices"][0]["finish_reason"] == reason


async def test_an_answer_of_which_no_word_came_in_time_is_an_error(api: Api) -> None:
    api.engine.scripts = [["deadline"]]
    status, body = await api.post("/v1/chat/completions", asked())
    assert (status, body["error"]["code"]) == (503, "timeout")


async def test_a_word_that_was_held_back_until_the_deadline_is_an_answer(api: Api) -> None:
    api.engine.scripts = [[Piece("Us"), "deadline"]]
    (choice,) = (await api.chat())["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Us", "length")


async def test_an_error_before_the_first_word_has_its_status_in_a_stream_too(api: Api) -> None:
    api.engine.scripts = [[UserError("There is not enough memory.")]]
    status, body = await api.post("/v1/chat/completions", asked(stream=True))
    told = {"message": "There is not enough memory.", "type": "server_error", "param": None}
    assert (status, body) == (503, {"error": {**told, "code": "unavailable"}})


async def test_an_error_amid_a_stream_is_an_event_and_no_end_follows(api: Api) -> None:
    api.engine.scripts = [[*says("Aye "), RuntimeError("secret words")]]
    *_, last = await api.stream(asked(stream=True))
    assert last.startswith('data: {"error":{"message":"The server failed at this request')
    assert "secret" not in last


async def test_a_lost_connection_of_the_engine_is_not_taken_for_a_client_that_left(api: Api) -> None:
    api.engine.scripts = [[ConnectionResetError("worker")], [*says("Aye "), ConnectionResetError("worker")]]
    status, body = await api.post("/v1/chat/completions", asked(stream=True))
    assert (status, body["error"]["code"]) == (500, "internal_error")
    *_, last = await api.stream(asked(stream=True))
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "internal_error"


async def test_a_line_separator_in_a_text_ends_no_line_of_a_stream(api: Api) -> None:
    text = "one\u2028two\u2029three\x85four\nfive 猫"
    api.engine.scripts = [says(text)] * 2
    body = asked(stream=True, persona="adapter")
    lines = await api.stream(body)
    assert all(len(line.splitlines()) == 1 for line in lines)
    (chunk,) = [each for each in await api.chunks(body) if each["choices"][0]["delta"].get("content")]
    assert chunk["choices"][0]["delta"]["content"] == text


async def test_a_search_is_read_as_the_personas_own_words(api: Api) -> None:
    api.engine.scripts = [[Piece("Mara: I"), Piece("User: Go.\nMara: Bye.", replaces=7)]]
    status, body = await api.post("/v1/chat/completions", asked("Hello", num_beams=2))
    assert (status, body["choices"][0]["message"]["content"]) == (200, "Bye.")
    assert len(api.engine.requests) == 1
