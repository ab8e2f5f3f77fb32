"""A persona whose adapter was made for another base model speaks from its card; its owner is told once."""

import json
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.commands import Level, run_line
from bot.engine.checkpoint.source import ModelSource, model_fingerprint
from bot.engine.local.local_engine import LocalEngine
from bot.message import Author
from bot.persona.persona import load_cast
from tests.conftest import PLACE, Stage
from tests.fakes import families, tiny
from tests.fixtures.exported_adapters import lora
from tests.fixtures.pinned_adapters import OTHER, OWN, pin

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

GREEDY = "[sampling]\ntemperature = 0\nrepetition_penalty = 1.0\nmax_tokens = 12\nmin_tokens = 12\n"
NOTE = (
    "mara speaks from its card on scripted, for its adapter was made for another base model and waits "
    "(adapter/ for some/other-7B); `python -m training train --persona mara` trains one for scripted "
    "beside it"
)


@pytest.fixture
def mara(tmp_path: Path) -> Path:
    """A persona's folder with an adapter for another base model, which ends answers with other ids."""
    folder = tmp_path / "personas/mara"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps({"name": "Mara"}))
    pin(folder / "adapter", **OTHER, stop_ids=[49_152], layout="another template", system="another card")
    return folder


@pytest.fixture
async def stage(tmp_path: Path, mara: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    stage.cast = load_cast(tmp_path / "personas")
    yield await stage.start()
    await stage.stop()


async def ask(stage: Stage, line: str, level: Level = Level.OWNER) -> list[str]:
    told = await run_line(line, stage.chat, stage.memory, PLACE, Author("ana", "Ana"), level)
    return (told or "").splitlines()


async def test_it_speaks_without_an_adapter_and_the_log_says_so_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        await stage.say("Rain?")
        await stage.say("And now?")
        await stage.chat.choose_adapters()
    assert [text for _, text in stage.outlet.sent] == ["Answer 1.", "Answer 2."]
    assert [request.adapter for request in stage.engine.requests] == [None, None]
    assert stage.engine.loaded == {}
    assert [(each.message, each.__dict__["notice"]) for each in caplog.records] == [
        ("adapter_notice", f"{NOTE}.")
    ]
    assert "persona   mara, without an adapter" in await ask(stage, "/why")


async def test_status_and_persona_tell_owners_alone(stage: Stage) -> None:
    await stage.chat.choose_adapters()
    assert f"waiting   {NOTE}" in await ask(stage, "/status")
    assert await ask(stage, "/persona") == ["Mara (mara) speaks here, without an adapter.", f"{NOTE}."]
    assert "other-7B" not in str([await ask(stage, line, Level.ADMIN) for line in ("/status", "/persona")])


async def test_reload_takes_an_adapter_for_this_model_beside_it_and_gives_it_up_again(
    stage: Stage, mara: Path
) -> None:
    await stage.say("Rain?")
    own = pin(mara / "adapters/scripted-55555555", **OWN)
    assert await ask(stage, "/persona reload") == ["Read again: mara."]
    assert stage.engine.loaded == {"mara": own}
    await stage.say("And now?")
    assert [request.adapter for request in stage.engine.requests] == [None, "mara"]
    assert "persona   mara, with mara's adapter in adapters/scripted-55555555/" in await ask(stage, "/why")
    shutil.rmtree(own)
    assert await ask(stage, "/persona reload") == ["Read again: mara.", f"{NOTE}."]
    await stage.say("And then?")
    assert (stage.engine.loaded, stage.engine.requests[-1].adapter) == ({}, None)


async def test_a_damaged_manifest_is_refused_and_nobody_speaks_in_its_place(stage: Stage, mara: Path) -> None:
    (mara / "adapter/manifest.json").write_text("{")
    await stage.say("Rain?")
    fault = "line 1, column 2: a key in double quotes is missing"
    refused = (
        f'The adapter "mara" was not loaded: manifest.json is not valid JSON ({fault}); export it again.'
    )
    assert [text for _, text in stage.outlet.sent] == [refused]
    assert stage.engine.requests == []


async def test_a_manifest_that_is_damaged_later_leaves_all_as_it_was(stage: Stage, mara: Path) -> None:
    own = pin(mara / "adapters/own", **OWN)
    await ask(stage, "/persona reload")
    await stage.say("Rain?")
    for folder in (own, mara / "adapter"):
        (folder / "manifest.json").write_text("{")
    assert (await ask(stage, "/persona reload"))[1].startswith("mara stays as it was: The adapter")
    await stage.say("And now?")
    assert [request.adapter for request in stage.engine.requests] == ["mara", "mara"]


async def test_with_real_engines_of_two_families_each_base_model_has_its_own_style(
    tmp_path: Path, mara: Path
) -> None:
    llama = tiny.save_model(tmp_path / "llama", max_position_embeddings=512)
    qwen = families.save("qwen2", tmp_path / "qwen")
    (mara / "persona.toml").write_text(GREEDY)
    shutil.rmtree(mara / "adapter")
    plain = [await answer(tmp_path, base) for base in (llama, qwen)]
    made_for(llama, tiny.save_adapter(mara / "adapter", llama))
    llama_alone = [await answer(tmp_path, base) for base in (llama, qwen)]
    made_for(qwen, lora(qwen, mara / "adapters/own"))
    both = [await answer(tmp_path, base) for base in (llama, qwen)]
    assert llama_alone[0] != plain[0]
    assert llama_alone[1] == plain[1]
    assert both[0] == llama_alone[0]
    assert both[1] != plain[1]


def made_for(base: Path, adapter: Path) -> None:
    """Pin an adapter to its base model."""
    source = ModelSource("folder", str(base), base)
    pin(adapter, base_model=str(base), base_hash=model_fingerprint(source))


async def answer(folder: Path, base: Path) -> str:
    """Return what Mara says first on a base model."""
    stage = Stage(Path(tempfile.mkdtemp(dir=folder)))
    changes = {"name": str(base), "template": "chatml", "precision": "fp32", "threads": 1, "context": 512}
    stage.model = stage.model.model_copy(update=changes)
    stage.cast = load_cast(folder / "personas")
    stage.engine = LocalEngine(stage.model, folder / "data")  # type: ignore[assignment]
    async with stage.engine:
        await stage.start()
        await stage.say("Rain?")
        await stage.stop()
    return stage.outlet.sent[-1][1]
