"""The `openai` package as it is: an unmodified client of the API."""

from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from bot.engine.interface import Piece
from bot.errors import UserError
from tests.bot.api.conftest import NOW, Api, OpenApi
from tests.bot.api.engine import says, token

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]
KEY = "a-key-of-twenty-letters"


@pytest.fixture
async def api(open_api: OpenApi) -> Api:
    return await open_api(key=KEY)


@pytest.fixture
async def client(api: Api) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=api.server.url, api_key=KEY) as opened:
        yield opened


async def test_models_are_listed_and_told(client: AsyncOpenAI) -> None:
    models = [model async for model in client.models.list()]
    assert [model.id for model in models][:2] == ["mara", "ozzo"]
    assert {model.created for model in models} == {int(NOW)}
    told = await client.models.retrieve(models[-1].id)
    assert (told.id, told.owned_by) == (models[-1].id, "alterego")


async def test_a_chat_is_answered(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="mara", messages=HELLO)
    assert answer.choices[0].message.content == "Answer 1."
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


async def test_candidates_and_logprobs_are_read(api: Api, client: AsyncOpenAI) -> None:
    tokens = (token("One", -0.5, token("One", -0.5), token("Two", -1.5)),)
    api.engine.scripts = [[Piece("One.", 0, tokens), Piece("Three four.", 1)]]
    answer = await client.chat.completions.create(
        model="mara", messages=HELLO, n=2, logprobs=True, top_logprobs=2
    )
    assert [choice.message.content for choice in answer.choices] == ["One.", "Three four."]
    assert answer.choices[0].logprobs is not None
    assert answer.choices[0].logprobs.content is not None
    (first,) = answer.choices[0].logprobs.content
    assert [(each.token, each.logprob) for each in first.top_logprobs] == [("One", -0.5), ("Two", -1.5)]


async def test_a_stream_is_read_with_its_usage(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="mara", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "Answer 1."
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 2


async def test_the_helper_for_streams_gathers_an_answer(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(model="mara", messages=HELLO) as stream:
        answer = await stream.get_final_completion()
    assert answer.choices[0].message.content == "Answer 1."


async def test_raw_text_is_completed(client: AsyncOpenAI) -> None:
    answer = await client.completions.create(model="base", prompt=["a", "b"], echo=True)
    assert [choice.text for choice in answer.choices] == ["aAnswer 1.", "bAnswer 2."]
    stream = await client.completions.create(model="mara", prompt="a", stream=True)
    assert "".join([chunk.choices[0].text async for chunk in stream]) == "Answer 3."


async def test_errors_are_its_own_and_are_not_tried_again(api: Api, client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        await client.chat.completions.create(model="gpt", messages=HELLO)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as wrong:
        await client.chat.completions.create(model="mara", messages=HELLO, temperature=9)
    assert wrong.value.param == "temperature"
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="wrong").models.list()
    assert api.engine.requests == []
    api.engine.scripts = [[UserError("There is no memory.")]] * 3
    with pytest.raises(openai.InternalServerError, match="There is no memory"):
        await client.chat.completions.create(model="mara", messages=HELLO)
    assert len(api.engine.requests) == 1


async def test_an_error_amid_a_stream_is_raised(api: Api, client: AsyncOpenAI) -> None:
    api.engine.scripts = [[*says("One two "), UserError("The model is gone.")]]
    stream = await client.chat.completions.create(model="mara", messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match="The model is gone"):
        async for _ in stream:
            pass
