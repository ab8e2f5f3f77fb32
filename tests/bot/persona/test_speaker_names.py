"""A persona has speakers' names in its prompts as its file says, else as its adapter was trained."""

from pathlib import Path

import pytest

from bot.persona.persona import load_persona
from tests.bot.persona.persona_folder import folder
from tests.fixtures.pinned_adapters import pin


@pytest.mark.parametrize(
    ("toml", "manifest", "names"),
    [
        ("", None, "always"),
        ("", {"names": "groups"}, "groups"),
        ("speaker_names = 'never'", {"names": "groups"}, "never"),
        ("", {"speakers": [["user", "Ana: 1"]]}, "always"),
        ("", {"names": "sometimes"}, "always"),
    ],
    ids=["new", "its adapter's", "its file's", "an earlier adapter's", "a rule that is none"],
)
def test_speakers_names_are_those_of_the_file_else_of_the_adapter(
    toml: str, manifest: dict[str, object] | None, names: str, tmp_path: Path
) -> None:
    path = folder(tmp_path, toml)
    if manifest is not None:
        pin(path / "adapter", **manifest)
    assert load_persona(path).speaker_names == names
