"""What is said in answer to many prompts at once, by the bot's own engine: the road that serving takes."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.config import Config
from bot.engine.engine import Answer, Request
from bot.engine.thread import LocalEngine
from bot.persona.persona import Sampling
from bot.prompt import Prompt

ADAPTER = "adapter"  # what it is called in the engine
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
        return {
            each: [tidy(answer.text, name) for answer in await _all(engine, wanted, tell)]
            for each, wanted in requests.items()
        }


async def _all(engine: LocalEngine, requests: Sequence[Request], tell: Tell) -> list[Answer]:
    """All answers, in order. The first one goes ahead: what all share has then been read for the others."""

    async def answer(request: Request) -> Answer:
        async with engine.generate(request) as generation:
            async for _ in generation:
                pass
            tell(1)
            return generation.answers[0]

    ahead = [await answer(request) for request in requests[:1]]
    return [*ahead, *await asyncio.gather(*map(answer, requests[1:]))]


def tidy(text: str, name: str) -> str:
    """An answer without blank ends, and without the speaker's own name before it."""
    text = text.strip()
    start = text[: len(name) + 1]
    return (
        text[len(start) :].strip()
        if start[:-1].casefold() == name.casefold() and start[-1:] in ":："
        else text
    )


def common(prompts: Sequence[Prompt]) -> int:
    """How many first ids all prompts share."""
    least, most = min(prompts, key=lambda each: each.ids).ids, max(prompts, key=lambda each: each.ids).ids
    return next(
        (at for at, pair in enumerate(zip(least, most, strict=False)) if pair[0] != pair[1]), len(least)
    )
