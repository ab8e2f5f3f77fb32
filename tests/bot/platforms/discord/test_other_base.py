"""On Discord a persona whose adapter was made for another base model speaks from its card."""

from dataclasses import replace
from pathlib import Path

from bot.persona.persona import Cast
from tests.conftest import MARA
from tests.fixtures.discord_bot import staged
from tests.fixtures.pinned_adapters import OTHER, pin


async def test_it_answers_without_its_adapter(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.cast = Cast({"mara": replace(MARA, adapter=pin(tmp_path / "adapter", **OTHER))}, {})
        await stage.start()
        stage.call("Rain?")
        await stage.says("Answer 1.")
        assert [request.adapter for request in stage.engine.requests] == [None]
