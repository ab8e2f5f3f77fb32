"""Recipes in files: written with their reasons, read again to the same recipe, mistakes named."""

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.persona.training_options import TrainingOptions
from tests.training.planning.test_recipe import KNOWN
from training import __main__ as trainer
from training.planning.recipe import Recipe, choose_recipe, set_by
from training.planning.recipe_file import (
    GivenOptions,
    check_new_file,
    read_recipe,
    recipe_text,
    write_recipe,
)

OPTIONS = st.builds(
    TrainingOptions,
    rank=st.none() | st.integers(1, 256),
    layers=st.none() | st.lists(st.sampled_from(["q_proj", "mlp.up_proj", "v_proj"]), min_size=1).map(tuple),
    dropout=st.none() | st.floats(0, 0.99),
    rate=st.none() | st.floats(1e-8, 1),
    epochs=st.none() | st.integers(1, 100),
    identity=st.none() | st.booleans(),
    save_every=st.none() | st.integers(0, 10_000),
    precision=st.sampled_from([None, "nf4", "bf16"]),
    device=st.sampled_from([None, "cpu", "cuda:1"]),
    row=st.none() | st.integers(400, 9000),
)


@given(OPTIONS)
def test_a_recipe_that_is_read_again_gives_the_same_recipe(options: TrainingOptions) -> None:
    chosen = choose_recipe(options, KNOWN)
    read = TrainingOptions.model_validate(tomllib.loads(recipe_text(chosen)))
    assert choose_recipe(read, KNOWN).recipe == chosen.recipe


def test_a_recipe_tells_each_reason_and_leaves_the_machine_to_the_machine(tmp_path: Path) -> None:
    given_options = TrainingOptions(rank=8, precision="nf4")
    write_recipe(tmp_path / "recipe.toml", choose_recipe(given_options, KNOWN))
    lines = (tmp_path / "recipe.toml").read_text().splitlines()
    assert lines[3] == "rank = 8                  # set in persona.toml"
    assert "epochs = 3                # up to 2,000 answers; training ends earlier" in "\n".join(lines)
    assert 'precision = "nf4"         # set in persona.toml' in lines
    assert [line.split()[1] for line in lines if line.startswith("# ") and "=" in line] == [
        "row", "checkpointing", "device",
    ]  # fmt: skip
    assert len(lines) == 3 + len(msgspec.structs.fields(Recipe))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rank = 8\nrnk = 8", "line 2: rnk is not a known key: did you mean 'rank'?"),
        ("rank = 0", "line 1: rank = 0 is wrong: input should be greater than or equal to 1."),
        ("rank = ", "is not valid TOML: Invalid value (at end of document)."),
    ],
)
def test_a_mistake_in_a_recipe_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_recipe(path)
    assert str(caught.value).removeprefix(str(path)).lstrip(", ") == said


def test_a_recipe_is_written_over_nothing_and_into_no_folder_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("rank = 8")
    with pytest.raises(UserError, match="is there already: name another file for the recipe"):
        write_recipe(path, choose_recipe(TrainingOptions(), KNOWN))
    with pytest.raises(UserError, match=r"There is no folder .*/none: make it"):
        check_new_file(tmp_path / "none/recipe.toml")
    with pytest.raises(UserError, match=r"There is no settings file .*--write-recipe FILE` writes one"):
        read_recipe(tmp_path / "missing.toml")
    assert path.read_text() == "rank = 8"


@pytest.mark.parametrize(
    "given", ["~/my recipes/配方.toml", "{home}/my recipes/配方.toml", "my recipes/配方.toml"]
)
def test_the_path_of_a_recipe_is_taken_as_people_write_it(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my recipes").mkdir()
    words = ["train", "--persona", "mara"]
    written = given.format(home=tmp_path)
    options = trainer._parser().parse_args([*words, "--recipe", written, f"--write-recipe={written}"])
    write_recipe(options.write_recipe, choose_recipe(TrainingOptions(rank=7), KNOWN))
    assert read_recipe(options.recipe).rank == 7
    assert (tmp_path / "my recipes/配方.toml").exists()


def test_options_that_come_later_go_before_and_say_where_they_are_from() -> None:
    options = GivenOptions(TrainingOptions(rank=8, epochs=5)).merged(
        TrainingOptions(rank=4, rate=1e-3), set_by("in other.toml")
    )
    chosen = choose_recipe(options.options, KNOWN, options.sources)
    assert (chosen.recipe.rank, chosen.recipe.epochs, chosen.recipe.rate) == (4, 5, 1e-3)
    assert [chosen.reasons[key] for key in ("rank", "epochs", "rate")] == [
        "set in other.toml", "set in persona.toml", "set in other.toml",
    ]  # fmt: skip


def test_a_recipe_of_an_earlier_version_saves_twenty_times() -> None:
    written = msgspec.to_builtins(choose_recipe(TrainingOptions(), KNOWN).recipe)
    del written["save_every"]
    assert msgspec.convert(written, Recipe).save_every == 0
