"""What is said in answer to many prompts at once, by the bot's own engine: the road that serving takes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bot.config import Config
from bot.engine.interface import Answer, Request
from bot.engine.local.local_engine import LocalEngine
from bot.persona.persona import Sampling
from bot.prompt.builder import Prompt
from bot.text.tidy import tidy
from bot.token_prefix import common_prefix

ADAPTER = "adapter"  # what it is called in the engine
TOGETHER = 4  # answers to one prompt
PATIENCE = 1e7  # seconds: nobody waits for these answers

Tell = Callable[[int], None]


def request(
    prompt: Prompt, sampling: Sampling, seed: int, strength: float | None = None, shared: int = 0
) -> Request:
    """A prompt as the bot sends it to its engine; with a strength, under the adapter.

    `shared` is how many first ids other prompts have too, which are then read once.
    """
    return Request(
        prompt.ids,
        sampling,
        adapter=None if strength is None else ADAPTER,
        strength=1.0 if strength is None else strength,
        shared=shared or prompt.shared,
        stop_ids=prompt.stop_ids,
        stop=prompt.stop,
        seed=seed,
        first_deadline=PATIENCE,
        deadline=PATIENCE,
    )


def speak(
    settings: Config, adapter: Path, requests: Mapping[str, Sequence[Request]], tell: Tell, name: str
) -> dict[str, list[str]]:
    """The answers to all requests, tidied as the bot does it: without blank ends, or `name` before them.

    `tell` is called with 1 for each. Raises `UserError` where the model or the adapter cannot be loaded.
    """
    return asyncio.run(_speak(settings, adapter, requests, tell, name))


async def _speak(
    settings: Config, adapter: Path, requests: Mapping[str, Sequence[Request]], tell: Tell, name: str
) -> dict[str, list[str]]:
    async with LocalEngine(settings.model, settings.data) as engine:
        await engine.ready()
        await engine.add_adapter(ADAPTER, adapter)
        most = min(TOGETHER, settings.model.rows)
        return {
            each: [tidy(answer.text, name, whole=True) for answer in await _all(engine, wanted, most, tell)]
            for each, wanted in requests.items()
        }


async def _all(engine: LocalEngine, requests: Sequence[Request], most: int, tell: Tell) -> list[Answer]:
    """All answers, in order. The first ones go ahead: what all share has then been read for the others."""
    found = dict[int, Answer]()

    async def answer(places: Sequence[int]) -> None:
        request = replace(requests[places[0]], n=len(places))
        async with engine.generate(request) as generation:
            async for _ in generation:
                pass
            found.update(zip(places, generation.answers, strict=True))
            tell(len(places))

    groups = alike(requests, most)
    for places in groups[:1]:
        await answer(places)
    await asyncio.gather(*map(answer, groups[1:]))
    return [found[place] for place in range(len(requests))]


def alike(requests: Sequence[Request], most: int) -> list[list[int]]:
    """The places of requests that differ by their seed alone, `most` together: their prompt is read once."""
    places = dict[Request, list[int]]()
    for place, each in enumerate(requests):
        places.setdefault(replace(each, seed=None), []).append(place)
    return [each[at : at + most] for each in places.values() for at in range(0, len(each), most)]


def common(prompts: Sequence[Prompt]) -> int:
    """How many first ids all prompts share."""
    least, most = min(prompts, key=lambda each: each.ids).ids, max(prompts, key=lambda each: each.ids).ids
    return common_prefix(least, most)
