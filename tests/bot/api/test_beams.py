"""Fields of a beam search: what reaches the engine, and what no search has."""

from typing import Any

import pytest

from tests.bot.api.conftest import Api, asked

CHAT, RAW = "/v1/chat/completions", "/v1/completions"


@pytest.mark.parametrize("path", [CHAT, RAW])
@pytest.mark.parametrize(
    ("given", "search"),
    [
        ({}, (1, 1.0)),
        ({"num_beams": 4, "length_penalty": 0.5}, (4, 0.5)),
        ({"use_beam_search": True, "best_of": 3, "n": 1, "length_penalty": -1}, (3, -1.0)),
        ({"use_beam_search": True, "best_of": 3, "num_beams": 2}, (2, 1.0)),
        ({"use_beam_search": False, "best_of": 20}, (1, 1.0)),
    ],
)
async def test_beams_reach_the_engine(
    api: Api, path: str, given: dict[str, Any], search: tuple[int, float]
) -> None:
    status, body = await api.post(path, asked() | {"prompt": "a"} | given)
    assert status == 200, body
    (request,) = api.engine.requests
    assert (request.beams, request.length_penalty) == search


@pytest.mark.parametrize("path", [CHAT, RAW])
@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"num_beams": 9}, "num_beams"),
        ({"num_beams": 0}, "num_beams"),
        ({"num_beams": 2, "length_penalty": 10.5}, "length_penalty"),
        ({"num_beams": 2, "n": 2}, "n"),
        ({"use_beam_search": True, "best_of": 9}, "num_beams"),
        ({"use_beam_search": True}, "use_beam_search"),
    ],
)
async def test_beams_that_no_search_has_are_refused(
    api: Api, path: str, given: dict[str, Any], param: str
) -> None:
    status, body = await api.post(path, asked() | {"prompt": "a"} | given)
    assert (status, body["error"]["param"]) == (400, param)
    assert api.engine.requests == []


@pytest.mark.parametrize(("path", "logprobs"), [(CHAT, True), (RAW, 0)])
async def test_beams_tell_no_logprobs(api: Api, path: str, logprobs: object) -> None:
    status, body = await api.post(path, asked() | {"prompt": "a", "num_beams": 2, "logprobs": logprobs})
    assert (status, body["error"]["param"]) == (400, "logprobs")
