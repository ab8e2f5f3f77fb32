"""`/persona reload`: folders and adapters are read again while others reply; a broken one changes nothing."""

import asyncio
import json
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.commands import Level, run_line
from bot.engine.interface import Engine
from bot.engine.local.local_engine import LocalEngine
from bot.errors import UserError
from bot.message import Author, Place
from bot.persona.persona import load_cast
from tests.conftest import PLACE, Stage
from tests.fakes import tiny

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

GREEDY = "[sampling]\ntemperature = 0\nrepetition_penalty = 1.0\nmax_tokens = 12\nmin_tokens = 12\n"


def write(folder: Path, key: str, name: str, toml: str = "") -> Path:
    path = folder / key
    path.mkdir(parents=True, exist_ok=True)
    (path / "persona.toml").write_text(toml)
    (path / "card.json").write_text(json.dumps({"name": name}))
    return path


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Stage]:
    """A chat whose personas are on disk."""
    write(tmp_path / "personas", "mara", "Mara")
    write(tmp_path / "personas", "ozzo", "Ozzo")
    stage = Stage(tmp_path)
    stage.cast = load_cast(tmp_path / "personas")
    yield await stage.start()
    await stage.stop()


async def ask(stage: Stage, line: str = "/persona reload", level: Level = Level.OWNER) -> str:
    return await run_line(line, stage.chat, stage.memory, PLACE, Author("ana", "Ana"), level)


async def test_reload_reads_changed_new_and_removed_folders(cast: Stage, tmp_path: Path) -> None:
    write(tmp_path / "personas", "mara", "Marina")
    write(tmp_path / "personas", "zed", "Zed")
    shutil.rmtree(tmp_path / "personas/ozzo")
    assert await ask(cast) == "Read again: mara, zed."
    assert await ask(cast, "/personas") == "* mara         Marina: no notes\n  zed          Zed: no notes"


async def test_a_broken_persona_stays_as_it_was(cast: Stage, tmp_path: Path) -> None:
    (tmp_path / "personas/mara/card.json").write_text("{")
    write(tmp_path / "personas", "zed", "Zed", "nmaes = []")
    told = await ask(cast)
    assert told.splitlines()[0] == "Read again: ozzo."
    assert told.splitlines()[1].startswith("mara stays as it was: the card mara/card.json cannot be used: ")
    assert told.splitlines()[2].startswith("zed is left out: ")
    assert str(tmp_path) not in told
    assert (await ask(cast, "/persona")).startswith("Mara (mara) speaks here")
    await cast.say("Rain?")
    assert cast.outlet.sent == [("mara", "Answer 1.")]
    write(tmp_path / "personas", "mara", "Mara")
    shutil.rmtree(tmp_path / "personas/zed")
    assert await ask(cast) == "Read again: mara, ozzo."


async def test_only_owners_may_reload_and_the_log_has_the_reason(
    cast: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "personas/mara/card.json").write_text("{")
    for level in (Level.MEMBER, Level.ADMIN):
        with pytest.raises(UserError, match="Only an owner, named in"):
            await ask(cast, level=level)
    with caplog.at_level(logging.WARNING):
        assert (await ask(cast)).startswith("Read again: ozzo.\nmara stays as it was: ")
    assert [record.__dict__["persona"] for record in caplog.records] == ["mara"]


async def test_an_adapter_is_loaded_refused_and_unloaded(cast: Stage, tmp_path: Path) -> None:
    adapter = tmp_path / "personas/mara/adapter"
    adapter.mkdir()
    assert await ask(cast) == "Read again: mara, ozzo."
    assert cast.engine.loaded == {"mara": adapter}
    write(tmp_path / "personas", "mara", "Marina")
    cast.engine.refused["mara"] = UserError("The weights are no good.")
    assert await ask(cast) == "Read again: ozzo.\nmara stays as it was: The weights are no good."
    assert (await ask(cast, "/persona")).startswith(
        "Mara (mara) speaks here, with mara's adapter in adapter/"
    )
    assert cast.engine.loaded == {"mara": adapter}
    adapter.rmdir()
    cast.engine.refused.clear()
    assert await ask(cast) == "Read again: mara, ozzo."
    assert cast.engine.loaded == {}


async def test_another_manifest_leaves_the_adapter_in_use(cast: Stage, tmp_path: Path) -> None:
    adapter = tmp_path / "personas/mara/adapter"
    adapter.mkdir()
    await ask(cast)
    (adapter / "manifest.json").write_text(json.dumps({"system": "Be somebody else."}))
    cast.engine.loaded.clear()
    assert await ask(cast) == (
        'Read again: ozzo.\nmara stays as it was: The adapter "mara" was not loaded: it was trained with '
        "another card or system text; put the card and chat.system_prompt back as they were, train it again, "
        "or accept the change with `python -m training adopt`."
    )
    assert cast.engine.loaded == {}


async def test_a_reply_with_another_template_than_in_training_is_refused_with_a_remedy(
    cast: Stage, tmp_path: Path
) -> None:
    adapter = tmp_path / "personas/mara/adapter"
    adapter.mkdir()
    (adapter / "manifest.json").write_text(json.dumps({"layout": "User: [0]"}))
    cast.cast = load_cast(tmp_path / "personas")
    await cast.restart()
    await cast.say("Rain?")
    assert [text for _, text in cast.outlet.sent] == [
        'The adapter "mara" was not loaded: it was trained with another chat template; set the persona\'s '
        "template, or model.template, as it was, train it again, or accept the change with "
        "`python -m training adopt`."
    ]
    assert cast.engine.requests == []


async def test_adapters_change_while_another_persona_replies(tmp_path: Path) -> None:
    """With a real engine: Ozzo answers while Mara's adapter is replaced, refused and replaced again."""
    base = tiny.save_model(tmp_path / "base", max_position_embeddings=1024)
    one, two = (tiny.save_adapter(tmp_path / str(seed), base, seed) for seed in (1, 2))
    folder = write(tmp_path / "personas", "mara", "Mara", GREEDY)
    write(tmp_path / "personas", "ozzo", "Ozzo", GREEDY.replace("12", "150"))
    stage = Stage(tmp_path)
    stage.model = stage.model.model_copy(
        update={"name": str(base), "template": "chatml", "precision": "fp32", "threads": 1, "context": 1024}
    )
    stage.cast = load_cast(tmp_path / "personas")
    engine: Engine = LocalEngine(stage.model, tmp_path / "data")
    stage.engine = engine  # type: ignore[assignment]
    async with engine:
        await stage.start()
        said = [await _answer(stage)]
        for adapter in (one, two):
            shutil.rmtree(folder / "adapter", ignore_errors=True)
            shutil.copytree(adapter, folder / "adapter")
            said.append(await _reload_during_an_answer(stage, "Read again: mara, ozzo."))
        (folder / "adapter/adapter_model.safetensors").write_bytes(b"nothing")
        said.append(await _reload_during_an_answer(stage, "Read again: ozzo.\nmara stays as it was: "))
        assert len(set(said)) == 3
        assert said[3] == said[2]
        await stage.stop()


async def _reload_during_an_answer(stage: Stage, expected: str) -> str:
    """Have all read again while Ozzo speaks, and ask Mara; Ozzo's answer is the one it always gives."""
    place = Place("test", "bot", "other")
    await stage.chat.receive(stage.message("Ozzo, a story!", address="", place=place))
    room = stage.chat.worker(place)
    while not stage.engine.status().running:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    assert (await ask(stage)).startswith(expected)
    assert room.busy
    answer = await _answer(stage)
    await room.idle()
    return answer


async def _answer(stage: Stage) -> str:
    """What Mara says first in a new conversation."""
    await ask(stage, "/reset")
    await stage.say("Rain?")
    return stage.outlet.sent[-1][1]
