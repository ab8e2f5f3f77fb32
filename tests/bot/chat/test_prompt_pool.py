"""Prompts are built on threads of their own, and one persona leaves some to all others."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.chat import adapter_loader
from bot.chat.prompt_pool import PromptPool
from tests.conftest import MARA, Stage


async def test_one_persona_leaves_threads_to_others() -> None:
    pool, end, running, full = PromptPool(), threading.Event(), list[str](), threading.Event()

    def build(name: str) -> str:
        running.append(name)
        if len(running) == 2:
            full.set()
        return name if end.wait(30) else "late"

    slow = [asyncio.create_task(pool.run("slow", build, "slow")) for _ in range(20)]
    try:
        await asyncio.to_thread(full.wait, 30)
        assert await pool.run("other", str.upper, "other") == "OTHER"
        assert running == ["slow", "slow"]
    finally:
        end.set()
    assert await asyncio.gather(*slow) == ["slow"] * 20
    pool.close()


async def test_a_prompt_that_is_given_up_leaves_its_turn() -> None:
    pool, end = PromptPool(), threading.Event()
    slow = [asyncio.create_task(pool.run("slow", end.wait, 30)) for _ in range(4)]
    await asyncio.sleep(0)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    end.set()
    assert await pool.run("slow", str.upper, "next") == "NEXT"
    pool.close()


async def test_prompts_are_built_where_nothing_else_runs(stage: Stage) -> None:
    names = list[str]()
    build = stage.chat._responder._build
    stage.chat._responder._build = lambda *args: (  # type: ignore[method-assign]
        names.append(threading.current_thread().name),
        build(*args),
    )[1]
    await stage.say("Hello")
    assert [name.partition("_")[0] for name in names] == ["prompt"]


async def test_adapters_are_checked_on_the_threads_of_prompts(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = list[str]()
    monkeypatch.setattr(
        adapter_loader, "check_serving", lambda *_: names.append(threading.current_thread().name)
    )
    await stage.chat._responder._adapters.ensure_loaded(replace(MARA, adapter=tmp_path))
    assert [name.partition("_")[0] for name in names] == ["prompt"]
    assert stage.engine.loaded == {MARA.key: tmp_path}
