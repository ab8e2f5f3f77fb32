"""A folder in nf4 or int8 is served packed by the whole engine, at the first start and at later ones."""

import asyncio
from pathlib import Path

import pytest

from bot.engine.kernels.toolchain import find_toolchains
from bot.engine.local.local_engine import LocalEngine
from tests.bot.engine.local.driver import GUARD, request, settings, texts


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft makes the adapters
@pytest.mark.skipif(next(find_toolchains(), None) is None, reason="there is no compiler")
@pytest.mark.parametrize("precision", ["nf4", "int8"])
async def test_later_starts_answer_as_the_first_also_under_an_adapter(
    precision: str, folder: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    told = []
    for _ in range(2):
        async with (
            LocalEngine(settings(folder, precision=precision), tmp_path) as engine,
            asyncio.timeout(GUARD),
        ):
            await engine.ready()
            await engine.add_adapter("a", adapters["a"])
            told.append([await texts(engine, request(3, adapter=name)) for name in (None, "a")])
    assert told[0] == told[1]
    assert told[0][0] != told[0][1]
    assert len([*(tmp_path / "models").glob(f"*-{precision}-packed-*")]) == 1
