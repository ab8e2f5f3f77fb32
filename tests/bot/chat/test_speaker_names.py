"""A persona is served with speakers' names as its adapter was trained, whatever its file says."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.commands import Level, run_line
from bot.message import Author
from bot.persona.persona import load_cast
from tests.conftest import PLACE, Stage
from tests.fixtures.pinned_adapters import OTHER, OWN, pin

PINNED: dict[str, dict[str, object]] = {
    "its own rule": {**OWN, "names": "groups"},
    "an earlier version": {**OWN, "speakers": [["user", "Ana: 1\nBo: 2\n[In reply to Ana: 1]\nAna: 3"]]},
    "nothing": {**OWN},
    "another base model": {**OTHER, "names": "groups"},
}


@pytest.fixture
async def stage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    folder = tmp_path / "personas/mara"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps({"name": "Mara"}))
    (folder / "persona.toml").write_text('speaker_names = "never"')
    pin(folder / "adapter", **PINNED[request.param])
    stage = Stage(tmp_path)
    stage.cast = load_cast(tmp_path / "personas")
    yield await stage.start()
    await stage.stop()


def newest(stage: Stage) -> str:
    """The words of the people in the last prompt."""
    return stage.engine.prompts()[-1].split("<|im_start|>user\n")[-1].partition("<|im_end|>")[0]


@pytest.mark.parametrize(
    ("stage", "alone", "together", "rule"),
    [
        ("its own rule", "Rain?", "Bo: And I?", "groups"),
        ("an earlier version", "Ana: Rain?", "Bo: And I?", "always"),
        ("nothing", "Rain?", "And I?", "never"),
        ("another base model", "Rain?", "And I?", ""),
    ],
    indirect=["stage"],
)
async def test_the_adapter_decides_and_without_its_word_the_persona(
    stage: Stage, alone: str, together: str, rule: str
) -> None:
    await stage.say("Rain?")
    assert newest(stage) == alone
    await stage.say("And I?", "Bo")
    assert newest(stage) == together
    told = await run_line("/status", stage.chat, stage.memory, PLACE, Author("ana", "Ana"), Level.OWNER)
    loaded = f"mara (speakers' names: {rule})" if rule else "none loaded"
    assert f"adapters  {loaded}" in (told or "").splitlines()


@pytest.mark.parametrize("stage", ["its own rule"], indirect=True)
async def test_a_rule_that_is_none_is_refused(stage: Stage, tmp_path: Path) -> None:
    pin(tmp_path / "personas/mara/adapter", **{**OWN, "names": "sometimes"})
    await stage.say("Rain?")
    assert [text for _, text in stage.outlet.sent] == [
        'The adapter "mara" was not loaded: it was trained with another rule for speakers\' names; make '
        "`names` in its manifest always, groups or never, train it again, or accept the change with "
        "`python -m training adopt`."
    ]
