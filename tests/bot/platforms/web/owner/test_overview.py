"""The overview tells the numbers of this moment."""

import asyncio
import time
from pathlib import Path

import pytest

from bot.engine.local.local_engine import LocalEngine
from bot.platforms.web.owner.loop_watch import LoopWatch
from tests.bot.config_file import settings
from tests.bot.platforms.web.owner.conftest import ENABLED, OpenOwner, Owner
from tests.fakes.tiny import save_model

MODEL = (
    '[model]\nname = "{}"\nprecision = "fp32"\ntemplate = "chatml"\nthreads = 1\nnative = false\ncache = 64\n'
)


async def test_engine_platforms_and_memory_are_told(owner: Owner) -> None:
    await owner.say("Is the light lit?", 1)
    told = await owner.get("overview")
    assert told.pop("engine")["model"] == "scripted"
    assert told.pop("lag").keys() == {"latest", "worst"}
    assert told.pop("memory").items() >= {"messages": 2, "places": 1, "dead": 0, "unsent": 0}.items()
    assert told == {
        "platforms": [{"name": "test", "health": "connected"}],
        "busy": 0,
        "pending": 0,
        "waiting": {"inbox": 0, "outbox": 0},
        "notes": [],
    }


async def test_dead_letters_are_counted(owner: Owner) -> None:
    await owner.memory.dead_letter("test", "bot", "letter", "it cannot be read")
    assert (await owner.get("overview"))["memory"]["dead"] == 1


async def test_an_answer_that_is_being_made_is_busy(owner: Owner) -> None:
    engine = owner.chat.engine
    engine.hold = asyncio.Event()  # type: ignore[attr-defined]
    saying = asyncio.create_task(owner.say("Is the light lit?", 1))
    await engine.holding.wait()  # type: ignore[attr-defined]
    assert (await owner.get("overview"))["busy"] == 1
    assert [each["busy"] for each in (await owner.get("places"))["places"]] == [True]
    engine.hold.set()  # type: ignore[attr-defined]
    await saying
    assert (await owner.get("overview"))["busy"] == 0


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
async def test_a_real_engine_tells_what_it_holds(open_owner: OpenOwner, tmp_path: Path) -> None:
    model = save_model(tmp_path / "base")
    text = ENABLED + MODEL.format(model)
    async with LocalEngine(settings(tmp_path, text).model, tmp_path / "data") as engine:
        owner = await open_owner(text=text, engine=engine)
        await engine.ready()
        await owner.say("Hello", 1)
        told = (await owner.get("overview"))["engine"]
        assert (told["state"], told["answered"], told["rows"]) == ("ready", 1, 0)
        assert told["memory"]["weights"] > 0
        assert told["first_token"]["p95"] >= told["first_token"]["p50"] > 0
        assert told["prompt_tokens"] > 0


async def test_a_loop_that_is_held_up_has_lag() -> None:
    watch = LoopWatch(0.001)
    watch.begin()
    await asyncio.sleep(0)
    time.sleep(0.05)  # noqa: ASYNC251
    while not watch.latest:  # noqa: ASYNC110
        await asyncio.sleep(0)
    watch.end()
    assert watch.worst > 0.03
