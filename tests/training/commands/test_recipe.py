"""The help on recipes has every key, and the documents have the same tables."""

from argparse import Namespace
from pathlib import Path

import pytest

from bot.persona.folder_layout import PERSONA_FILES
from bot.persona.training_options import TrainingOptions
from tests.pages import table_rows
from tests.paths import ROOT
from training.__main__ import main
from training.commands.recipe import recipe
from training.dataset import splits, workspace
from training.planning.recipe import Recipe
from training.planning.recipe_keys import recipe_keys
from training.store import messages


def rows(document: str, head: list[str]) -> list[list[str]]:
    """The rows below a head, up to the next table."""
    found = table_rows((ROOT / f"docs/{document}.md").read_text())
    first = found.index(head) + 1
    return [row for row in found[first:] if len(row) == len(head)]


def test_every_key_of_a_recipe_is_explained() -> None:
    assert {key.name for key in recipe_keys()} == set(TrainingOptions.model_fields)
    assert {key.name for key in recipe_keys()} == set(Recipe.__struct_fields__)
    assert not [key.name for key in recipe_keys() if not (key.values and key.default and key.meaning)]


def test_a_key_has_its_range_unit_default_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert (
        "dropout The share of the adapter's input that each step leaves out. number from 0 and below 1 "
        "(share); by default 0.05: a little, against memorising rate" in printed
    )
    assert "by default 16: up to 20,000 answers: a higher rank learns no more from them; 32: more" in printed
    assert 'The weights\' format of the base model during training. "nf4", "int8", "bf16"' in printed


def test_the_table_of_keys_stands_in_the_documents() -> None:
    told = [[f"`{key.name}`", key.values, key.unit, key.default, key.meaning] for key in recipe_keys()]
    assert rows("training", ["key", "values", "unit", "default", "meaning"])[: len(told)] == told


def test_the_table_of_files_stands_in_the_documents() -> None:
    told = [[f"`{path}`", use] for path, use in PERSONA_FILES]
    assert rows("personas", ["file", "what it is"])[: len(told)] == told


@pytest.mark.parametrize(
    "name",
    [messages.MESSAGES, splits.TRAIN, "documents/", "adapters/", "work/runs/", "report.html", "selves.json"],
)
def test_the_help_names_the_places_that_the_trainer_uses(name: str) -> None:
    assert name in recipe(Namespace())


def test_the_help_names_the_files_that_a_build_writes() -> None:
    told = recipe(Namespace())
    assert all(name in told for name in (splits.TRAIN, splits.VALIDATION, workspace.BUILD_RECORD))


def test_the_help_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["recipe"]) == 0
    assert not list(tmp_path.iterdir())
