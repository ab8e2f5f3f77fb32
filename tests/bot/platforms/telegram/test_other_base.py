"""On Telegram a persona whose adapter was made for another base model speaks from its card."""

from dataclasses import replace
from pathlib import Path

from bot.persona.persona import Cast
from tests.conftest import MARA
from tests.fixtures.pinned_adapters import OTHER, pin
from tests.fixtures.telegram_bot import Bot

pytest_plugins = ["tests.fixtures.telegram_fixtures"]


async def test_it_answers_without_its_adapter(cold: Bot, tmp_path: Path) -> None:
    cold.cast = Cast({"mara": replace(MARA, adapter=pin(tmp_path / "adapter", **OTHER))}, {})
    await cold.start()
    ana = cold.fake.user("Ana")
    chat = cold.fake.private(ana)
    cold.fake.say(chat, ana, "Rain?")
    await cold.sees_exactly(chat, "Answer 1.")
    assert [request.adapter for request in cold.engine.requests] == [None]
