"""Log probabilities told with an answer are those of transformers, and tell its text token by token."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from bot.engine.core.output_stream import OutputStream
from bot.engine.interface import MAX_BIASES, Piece, Request, TokenLogprob
from bot.engine.local.local_engine import LocalEngine
from bot.engine.tokenizer.tokenizer import HFTokenizer
from tests.bot.engine.local.driver import GREEDY, HOT, IDS, NO_STOP, answers, settings, text, up_to
from tests.fakes import tiny
from tests.fakes.chain import save_chain

TOKENIZER = HFTokenizer(tiny.byte_level().to_str(), {}, None, [])


def is_whole(token: int) -> bool:
    """Return whether a token has text, of whole characters."""
    return bool(TOKENIZER.decode([token])) and "\ufffd" not in TOKENIZER.decode([token])


WHOLE = {token: -100.0 for token in range(408) if not is_whole(token)}  # lets only whole characters come


def told(sampling: Any = GREEDY, **more: Any) -> Request:
    return Request(IDS, sampling, **({"stop_ids": NO_STOP, "logprobs": 3} | more))


async def pieces_of(stream: OutputStream) -> list[Piece]:
    return [piece async for piece in stream]


async def tokens_of(engine: LocalEngine, request: Request) -> list[list[TokenLogprob]]:
    """Return the tokens of each candidate; their bytes are its text."""
    stream = engine.generate(request)
    found: list[list[TokenLogprob]] = [[] for _ in range(request.n)]
    for piece in await pieces_of(stream):
        found[piece.candidate] += piece.tokens
    for tokens, answer in zip(found, stream.answers, strict=True):
        assert b"".join(token.text for token in tokens).decode("utf-8", "replace") == answer.text
    return found


def assert_theirs(folder: Path, engine: LocalEngine, tokens: Sequence[TokenLogprob], count: int) -> None:
    """The log probabilities are those of transformers' logits behind the prompt and the tokens before."""
    assert engine.loaded is not None
    ids = [*IDS, *(token.id for token in tokens)]
    with torch.inference_mode():
        logits = LlamaForCausalLM.from_pretrained(folder)(torch.tensor([ids])).logits[0]
    expected = logits[len(IDS) - 1 : -1].float().log_softmax(-1)
    best = expected.topk(count)
    drawn = expected.gather(1, torch.tensor([[token.id] for token in tokens]))[:, 0]
    close = {"atol": 1e-4, "rtol": 0.0}
    torch.testing.assert_close(torch.tensor([token.logprob for token in tokens]), drawn, **close)
    values = torch.tensor([[each.logprob for each in token.likeliest] for token in tokens])
    torch.testing.assert_close(values, best.values, **close)
    decode_bytes = engine.loaded.tokenizer.decode_bytes
    for step, token in enumerate(tokens):
        assert all(each.text == decode_bytes(each.id) and not each.likeliest for each in token.likeliest)
        ids_told = torch.tensor([each.id for each in token.likeliest], dtype=torch.int64)
        torch.testing.assert_close(expected[step, ids_told], best.values[step], **close)


@pytest.mark.parametrize("sampling", [GREEDY, HOT], ids=["greedy", "hot"])
async def test_log_probabilities_are_those_of_transformers_before_all_that_changes_them(
    engine: LocalEngine, folder: Path, sampling: Any
) -> None:
    sampling = sampling.model_copy(update={"presence_penalty": 1.5, "frequency_penalty": -0.5})
    request = told(sampling, logprobs=20, seed=5, n=2, logit_bias=WHOLE | {300: 4.0})
    first, second = await tokens_of(engine, request)
    assert len(first) == len(second) == 12
    for tokens in (first, second):
        assert_theirs(folder, engine, tokens, 20)
    assert ([token.id for token in first] == [token.id for token in second]) == (sampling.temperature == 0)


async def test_no_likeliest_token_is_told_where_none_is_asked_for(engine: LocalEngine, folder: Path) -> None:
    (tokens,) = await tokens_of(engine, told(logprobs=0, logit_bias=WHOLE))
    assert_theirs(folder, engine, tokens, 0)


async def test_no_tokens_are_told_where_none_are_asked_for(engine: LocalEngine) -> None:
    assert await tokens_of_pieces(engine, told(logprobs=None)) == []


async def tokens_of_pieces(engine: LocalEngine, request: Request) -> list[TokenLogprob]:
    pieces = await pieces_of(engine.generate(request))
    assert pieces
    return [token for piece in pieces for token in piece.tokens]


@pytest.mark.parametrize("seed", range(5))
async def test_a_seed_gives_the_same_answer_with_log_probabilities_as_without(
    engine: LocalEngine, seed: int
) -> None:
    """These prompts also make bytes that are half a character, or none."""
    request = told(HOT, seed=seed, n=2, stop=("e",))
    with_them, without = [await answers(engine, each) for each in (request, replace(request, logprobs=None))]
    assert [answer.text for answer in with_them] == [answer.text for answer in without]


async def test_rows_with_and_without_log_probabilities_share_a_batch(
    engine: LocalEngine, folder: Path
) -> None:
    request = told(up_to(40), logit_bias=WHOLE)
    others = [replace(request, logprobs=None), told(up_to(60, HOT), seed=3, logprobs=None)]
    expected = [await text(engine, other) for other in others]
    (tokens,), *found = await asyncio.gather(
        tokens_of(engine, request), *(text(engine, other) for other in others)
    )
    assert_theirs(folder, engine, tokens, 3)
    assert found == expected


@pytest.mark.parametrize("length", [1, 3])
async def test_a_stop_string_is_told_with_no_token(engine: LocalEngine, length: int) -> None:
    (free,) = await tokens_of(engine, told(logit_bias=WHOLE))
    whole = b"".join(token.text for token in free).decode()
    stop = whole[7 : 7 + length]
    stream = engine.generate(told(logit_bias=WHOLE, stop=(stop,)))
    tokens = [token for piece in await pieces_of(stream) for token in piece.tokens]
    shown = whole[: whole.index(stop)]
    assert [token.id for token in tokens] == [token.id for token in free[: len(tokens)]]
    told_text = b"".join(token.text for token in tokens).decode()
    assert shown.startswith(told_text)
    assert len(shown) - len(told_text) < len(free[len(tokens)].text)
    assert stream.answers[0].text == shown


async def test_an_end_is_told_with_no_token(engine: LocalEngine) -> None:
    request = told(logit_bias=WHOLE)
    (free,) = await tokens_of(engine, request)
    end = next(token.id for token in free[3:] if token.id != free[0].id)
    (tokens,) = await tokens_of(engine, replace(request, stop_ids=frozenset({end})))
    ids = [token.id for token in free]
    assert [token.id for token in tokens] == ids[: ids.index(end)]


async def test_a_thought_is_told_with_no_token(tmp_path: Path) -> None:
    words = ["Ġthe", "Ġkeeper", "</think>", "ĠHello", "Ġthere"]
    template = "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n"
    save_chain(tmp_path / "base", words, {"<think>": False, "</think>": False}, template)
    async with LocalEngine(settings(tmp_path / "base"), tmp_path) as engine:
        ids = tuple((await engine.tokenizer()).encode_template("hi<think>\n"))
        (tokens,) = await tokens_of(engine, Request(ids, up_to(40), logprobs=1))
    assert [token.text for token in tokens] == [b"Hello", b" there"]
    assert [token.likeliest[0].id for token in tokens] == [token.id for token in tokens]


@pytest.mark.parametrize("token", [270, 333])
async def test_a_bias_of_100_gives_its_token_alone_and_one_of_minus_100_never_does(
    engine: LocalEngine, token: int
) -> None:
    (always,) = await tokens_of(engine, told(logit_bias={token: 100.0}))
    assert {each.id for each in always} == {token}
    (never,) = await tokens_of(engine, told(logit_bias=WHOLE))
    (other,) = await tokens_of(engine, told(logit_bias=WHOLE | {never[0].id: -100.0}))
    assert never[0].id not in {each.id for each in other}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"logprobs": 21}, "at most 20"),
        ({"logprobs": -1}, "at most 20"),
        ({"logit_bias": {100_000: 1.0}}, "id that the model does not know"),
        ({"logit_bias": {-1: 1.0}}, "id that the model does not know"),
        ({"logit_bias": {5: float("nan")}}, "A bias goes from -100 to 100"),
        ({"logit_bias": {5: 100.5}}, "A bias goes from -100 to 100"),
        ({"logit_bias": dict.fromkeys(range(MAX_BIASES + 1), 1.0)}, "at most 1,024 biases"),
    ],
)
async def test_what_no_request_may_ask_for_fails_it_alone(
    engine: LocalEngine, bad: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        await text(engine, told(**bad))
    assert await text(engine, told())
