"""Answers to many prompts at once, by the bot's own engine, as in serving."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from bot.config import Config
from bot.engine.interface import Answer, Request
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from bot.persona.persona import Sampling
from bot.prompt.builder import Prompt
from bot.text.tidy import tidy
from bot.token_prefix import common_prefix

ADAPTER = "adapter"  # its name in the engine
ANSWERS_PER_REQUEST = 4  # answers in one request, which share the prompt
NO_DEADLINE = 1e7  # seconds

_POLL = 0.5  # seconds between two looks at the stage of loading

Advance = Callable[[int], None]  # adds answers to the progress
Report = Callable[[str], None]  # gets the stage of loading, and "" after it


def sample_request(
    prompt: Prompt, sampling: Sampling, seed: int, strength: float | None = None, shared: int = 0
) -> Request:
    """Return the request that the bot sends for a prompt; with a strength, for the adapter.

    `shared` is the number of first ids that other prompts have too, for the prefix cache.
    """
    return Request(
        prompt.ids,
        sampling,
        adapter=None if strength is None else ADAPTER,
        strength=1.0 if strength is None else strength,
        shared=shared or prompt.shared,
        stop_ids=prompt.stop_ids,
        stop=prompt.stop,
        spelt_ends=prompt.spelt_ends,
        spared=prompt.spared,
        thinking_budget=prompt.thinking_budget,
        seed=seed,
        first_deadline=NO_DEADLINE,
        deadline=NO_DEADLINE,
    )


def sample_answers(
    settings: Config,
    adapter: Path,
    requests: Mapping[str, Sequence[Request]],
    advance: Advance,
    *names: str,
    others: Mapping[str, Sequence[Sequence[str]]] = MappingProxyType({}),
    report: Report = lambda stage: None,
) -> dict[str, list[str]]:
    """Return the answers to all requests, tidied as in the bot: the own words of the speaker of these names.

    `others` are the labels of the other speakers for each request. `advance` is called with the number of
    answers that are done. Raises `UserError` where the model or the adapter cannot be loaded.
    """
    answers = asyncio.run(_sample_answers(settings, adapter, requests, advance, report))
    return {
        each: [
            tidy(text, *names, others=speakers, whole=True)
            for text, speakers in zip(texts, others.get(each, [()] * len(texts)), strict=True)
        ]
        for each, texts in answers.items()
    }


async def _sample_answers(
    settings: Config,
    adapter: Path,
    requests: Mapping[str, Sequence[Request]],
    advance: Advance,
    report: Report,
) -> dict[str, list[str]]:
    async with LocalEngine(settings.model, settings.data) as engine:
        await _loaded(engine, report)
        await _load_adapter(engine, adapter)
        most = min(ANSWERS_PER_REQUEST, settings.model.rows)
        return {
            each: [answer.text for answer in await _generate_all(engine, asked, most, advance)]
            for each, asked in requests.items()
        }


async def _load_adapter(engine: LocalEngine, adapter: Path) -> None:
    """Load the adapter; its refusal names its folder, since its name in the engine is nobody's."""
    try:
        await engine.add_adapter(ADAPTER, adapter)
    except UserError as error:
        raise UserError(str(error).replace(f'"{ADAPTER}"', f"in {adapter}", 1)) from None


async def _loaded(engine: LocalEngine, report: Report) -> None:
    """Wait until the engine is ready, and report the stages of its loading."""
    loading = asyncio.ensure_future(engine.ready())
    while not loading.done():
        report(engine.status().stage)
        await asyncio.wait((loading,), timeout=_POLL)
    report("")
    await loading


async def _generate_all(
    engine: LocalEngine, requests: Sequence[Request], most: int, advance: Advance
) -> list[Answer]:
    """Return all answers in order; the first group runs alone and fills the prefix cache for the others."""
    found = dict[int, Answer]()

    async def generate(places: Sequence[int]) -> None:
        request = replace(requests[places[0]], n=len(places))
        async with engine.generate(request) as generation:
            async for _ in generation:
                pass
            found.update(zip(places, generation.answers, strict=True))
            advance(len(places))

    groups = group_requests(requests, most)
    for places in groups[:1]:
        await generate(places)
    await asyncio.gather(*map(generate, groups[1:]))
    return [found[place] for place in range(len(requests))]


def group_requests(requests: Sequence[Request], most: int) -> list[list[int]]:
    """Return the places of requests that differ by their seed alone, in groups of `most` at most."""
    places = dict[Request, list[int]]()
    for place, each in enumerate(requests):
        places.setdefault(replace(each, seed=None), []).append(place)
    return [each[at : at + most] for each in places.values() for at in range(0, len(each), most)]


def common(prompts: Sequence[Prompt]) -> int:
    """Return the number of first ids that all prompts share."""
    least, most = min(prompts, key=lambda each: each.ids).ids, max(prompts, key=lambda each: each.ids).ids
    return common_prefix(least, most)
