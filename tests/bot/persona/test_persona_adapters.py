"""The adapters of a persona: the folder named or called so, others beside it, none outside of its folder."""

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.persona.persona import load_persona
from tests.bot.persona.persona_folder import folder


@pytest.mark.parametrize(
    ("toml", "made", "adapter"),
    [
        ("", [], None),
        ("", ["adapter"], "adapter"),
        ("adapter = 'sea'", ["adapter", "sea"], "sea"),
        ("adapter = 'deep/sea'", ["deep/sea"], "deep/sea"),
    ],
)
def test_an_adapter_is_the_folder_named_or_the_one_called_so(
    tmp_path: Path, toml: str, made: list[str], adapter: str | None
) -> None:
    path = folder(tmp_path, toml)
    for name in made:
        (path / name).mkdir(parents=True)
    assert load_persona(path).adapter == (path / adapter if adapter else None)


def test_adapters_for_further_base_models_are_found_beside_the_first(tmp_path: Path) -> None:
    path = folder(tmp_path)
    for name in ("adapter", "adapters/b.new", "adapters/a", "adapters/a.previous", "adapters/c.draft"):
        (path / name).mkdir(parents=True)
    persona = load_persona(path)
    assert (persona.adapter, persona.other_adapters) == (
        path / "adapter",
        (path / "adapters/a", path / "adapters/b.new"),
    )
    (path / "adapter").rmdir()
    assert load_persona(path).adapters == persona.other_adapters


def test_adapters_outside_of_the_folder_are_refused(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (tmp_path / "elsewhere/x").mkdir(parents=True)
    (path / "adapters").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="'adapters' leads out of the folder"):
        load_persona(path)
