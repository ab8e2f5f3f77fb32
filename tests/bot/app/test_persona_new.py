"""`persona new` makes a valid folder, whose comments name every key, and says what to write where."""

import json
import tomllib
from argparse import Namespace
from pathlib import Path

import pytest

from bot.app.persona_commands import persona_new
from bot.errors import UserError
from bot.persona.new_folder import SETTINGS
from bot.persona.persona import PersonaFile, Sampling, load_cast, load_persona

NAMELESS = 'cannot be used: it has no name: write one into its field "name".'
ELSEWHERE = {"card", "adapter", "avatar", "avatar_url"}  # keys that the files in the folder answer


@pytest.fixture
def options(tmp_path: Path) -> Namespace:
    (tmp_path / "config.toml").touch()
    return Namespace(config=tmp_path / "config.toml", name="nora", card=None)


def personas(options: Namespace) -> Path:
    return Path(options.config.parent / "personas")


async def test_a_new_folder_is_valid_and_tells_what_to_write_where(options: Namespace) -> None:
    told = await persona_new(options)
    persona = load_persona(personas(options) / "nora")
    assert (persona.name, persona.sampling, persona.adapters) == ("nora", Sampling(), ())
    assert sorted(path.name for path in (personas(options) / "nora").iterdir()) == [
        "card.json",
        "persona.toml",
    ]
    lines = told.splitlines()
    assert lines[0] == f"{personas(options) / 'nora'} is there:"
    assert [line.split()[0] for line in lines[1:-1]] == [
        "card.json",
        "persona.toml",
        "avatar.png",
        "documents/",
        "lorebook.json",
    ]
    assert lines[-1] == (
        "Next: python -m bot chat --persona nora, or, with an export of what they said, "
        "python -m training make EXPORT --persona nora"
    )


def test_every_key_of_the_settings_is_there_as_a_comment_and_right() -> None:
    set_all = "\n".join(line.removeprefix("# ") if " = " in line else line for line in SETTINGS.splitlines())
    keys = tomllib.loads(set_all)
    parsed = PersonaFile.model_validate(keys)
    assert {*keys} == {*PersonaFile.model_fields} - ELSEWHERE
    assert {*keys["sampling"]} == {*Sampling.model_fields}
    assert parsed.sampling == Sampling()
    assert PersonaFile.model_validate(tomllib.loads(SETTINGS)) == PersonaFile()


async def test_a_card_is_taken_as_it_is(options: Namespace, tmp_path: Path) -> None:
    options.card = tmp_path / "Nora's card.json"
    options.card.write_text(json.dumps({"name": "Nora Nye", "description": "Keeps bees."}))
    await persona_new(options)
    assert (personas(options) / "nora/card.json").read_bytes() == options.card.read_bytes()
    assert load_cast(personas(options)).find("nora nye").key == "nora"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (
            '{"description": "Keeps bees."}',
            NAMELESS,
        ),
        ('{"name": ""}', NAMELESS),
        ("{", "cannot be used: it is not valid JSON"),
        (None, "cannot be read: "),
    ],
)
async def test_a_card_that_cannot_be_used_makes_no_folder(
    options: Namespace, tmp_path: Path, content: str | None, fault: str
) -> None:
    options.card = tmp_path / "card.json"
    if content is not None:
        options.card.write_text(content)
    with pytest.raises(UserError, match=f"^The card {options.card} {fault}"):
        await persona_new(options)
    assert not personas(options).exists()


@pytest.mark.parametrize("name", ["nora", "NORA", "Nora Nye", "bee"])
async def test_a_name_that_is_taken_is_refused(options: Namespace, name: str) -> None:
    await persona_new(options)
    folder = personas(options) / "nora"
    (folder / "card.json").write_text(json.dumps({"name": "Nora Nye"}))
    (folder / "persona.toml").write_text('names = ["bee"]')
    options.name = name
    with pytest.raises(UserError) as refused:
        await persona_new(options)
    assert str(refused.value) == (
        f"The name {name!r} is taken by the persona 'nora' in {personas(options)}: choose another one, or "
        "change that persona."
    )
    assert [path.name for path in personas(options).iterdir()] == ["nora"]


@pytest.mark.parametrize("name", ["", " ", ".nora", "_nora", "-nora", "a/b", "..", "con", "n" * 65, "nora."])
async def test_a_name_that_is_no_folder_is_refused(options: Namespace, name: str) -> None:
    options.name = name
    with pytest.raises(UserError, match="is no name for a persona's folder"):
        await persona_new(options)
    assert not personas(options).exists()
