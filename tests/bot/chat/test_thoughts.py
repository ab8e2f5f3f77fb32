"""A reasoning model behind the whole chat: its thought is not shown, stored or read again.

ZJU-REAL/HugAgentOS#69, dborodin836/TF2-GPTChatBot#116, AstrBotDevs/AstrBot#1096, SciSharp/LLamaSharp#1090.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.config import ModelSettings
from bot.engine.local.local_engine import LocalEngine
from bot.persona.persona import Cast, Sampling
from tests.bot.engine.local.driver import settings
from tests.conftest import MARA, Stage
from tests.fakes.chain import save_chain

THOUGHT, WORDS = ["Ġthe", "Ġkeeper", "Ġwrote"], ["ĠHello", "Ġthere"]
MARKS = {"<think>": False, "</think>": False}
R1 = (
    "{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}"
    "{{ '<|im_start|><think>\\n' }}"
)


async def answered(stage: Stage, folder: Path, tokens: list[str], **model: object) -> None:
    """Say something to a persona whose model says these tokens."""
    model_settings = settings(save_chain(folder / "base", tokens, MARKS, R1), **model)
    mara = replace(MARA, sampling=Sampling(temperature=0, max_tokens=16))
    async with LocalEngine(model_settings, folder / "data") as engine:
        stage.engine, stage.model, stage.cast = engine, model_settings, Cast({"mara": mara}, {})  # type: ignore[assignment]
        await stage.start()
        await stage.say("What is a <think> tag for?")
        await stage.stop()


@pytest.fixture
def stage(new_stage: Callable[[], Stage]) -> Stage:
    return new_stage()


@pytest.mark.parametrize("thinking", ["off", "hidden"])
async def test_the_thought_of_a_reasoning_model_is_nowhere_to_be_seen(
    stage: Stage, tmp_path: Path, thinking: str
) -> None:
    await answered(stage, tmp_path, [*THOUGHT, "</think>", *WORDS], thinking=thinking)
    assert stage.outlet.sent == [("mara", "Hello there")]
    assert {"Hello there".startswith(text) for text in stage.outlet.shown} == {True}
    await stage.start()
    assert (await stage.history())[-1] == "Mara: Hello there"
    assert b"wrote" not in (tmp_path / "memory.db").read_bytes()
    await stage.stop()


async def test_a_thought_that_never_ends_is_closed_and_the_person_reads_a_sentence(
    stage: Stage, tmp_path: Path
) -> None:
    tokens = [*THOUGHT, "Ġthe"]
    await answered(stage, tmp_path, tokens, thinking_budget=24)
    ((persona, text),) = stage.outlet.sent
    assert (persona, text.split()[:2]) == ("mara", ["the", "keeper"])  # after the closing mark it has its say


async def test_a_thought_that_is_cut_off_gives_a_notice_and_no_text(stage: Stage, tmp_path: Path) -> None:
    await answered(stage, tmp_path, THOUGHT)
    notice = "Mara thought about it and came to no answer; ask again."
    assert stage.outlet.sent == [(None, notice)]
    assert not stage.outlet.shown


def test_thinking_is_off_unless_the_settings_say_otherwise() -> None:
    assert (ModelSettings().thinking, ModelSettings().thinking_budget) == ("off", 1024)
