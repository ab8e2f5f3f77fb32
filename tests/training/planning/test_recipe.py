"""The recipe as a table: what the data and the model make of it, and what somebody set."""

from pathlib import Path

import msgspec
import pytest

from bot.errors import UserError
from bot.persona.persona import load_persona
from bot.persona.training_options import TrainingOptions
from training.planning.recipe import ChosenRecipe, Recipe, RecipeInputs, choose_recipe
from training.planning.resources import fit_recipe, format_duration, line_through_trials
from training.planning.training_memory import MemoryParts
from training.trainer.profile import row_cost

KNOWN = RecipeInputs(
    parameters=135_000_000, answers=250, longest=400, layers=("q_proj",), precision="bf16", device="cpu"
)


def needed(recipe: Recipe) -> MemoryParts:
    """Return the memory of an invented model: a megabyte a token of a row, a tenth with checkpointing."""
    activations = recipe.row * 10 ** (5 if recipe.checkpointing else 6)
    return MemoryParts(
        weights=500 * 10**6, adapter=100 * 10**6, activations=activations, working=0, process=200 * 10**6
    )


def chosen(wishes: TrainingOptions | None = None, **known: object) -> ChosenRecipe:
    values = {field: getattr(KNOWN, field) for field in RecipeInputs.__slots__} | known
    return choose_recipe(wishes or TrainingOptions(), RecipeInputs(**values))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, {"rank": 16, "rate": 5e-4, "epochs": 3, "batch": 16, "dropout": 0.05, "rslora": True}),
        ({"answers": 2_001}, {"rank": 16, "epochs": 2}),
        ({"answers": 20_001}, {"rank": 32, "alpha": 32.0, "epochs": 1}),
        ({"parameters": 3e9}, {"rate": 2e-4, "facts_rate": 1e-4}),
        ({"parameters": 8_030_000_000}, {"rate": 1e-4, "facts_rate": 5e-5}),
        ({"device": "cuda", "precision": "nf4"}, {"row": 16_384, "precision": "nf4", "device": "cuda"}),
        ({"longest": 10_000}, {"row": 10_000}),
    ],
)
def test_the_recipe_follows_the_data_and_the_model(
    known: dict[str, object], expected: dict[str, object]
) -> None:
    recipe = msgspec.structs.asdict(chosen(**known).recipe)
    assert {key: recipe[key] for key in expected} == expected


def test_every_value_has_its_reason_and_every_one_can_be_set() -> None:
    plain = chosen()
    keys = list(msgspec.structs.asdict(plain.recipe))
    assert sorted(plain.reasons) == sorted(keys) == sorted(TrainingOptions.model_fields)
    assert all(plain.reasons.values())


def test_what_is_set_is_taken_and_what_hangs_on_it_follows() -> None:
    told = chosen(TrainingOptions(rank=8, rate=1e-3, identity=False))
    assert (told.recipe.rank, told.recipe.alpha, told.recipe.rate, told.recipe.facts_rate) == (
        8,
        8.0,
        1e-3,
        5e-4,
    )
    assert (told.reasons["rank"], told.recipe.identity) == ("set in persona.toml", False)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("rnk = 8", "line 2: training.rnk is not a known key: did you mean 'rank'?"),
        ("rank = 0", "line 2: training.rank = 0 is wrong: input should be greater than or equal to 1."),
        ('layers = ["q_.*"]', "training.layers.0"),
    ],
)
def test_a_wrong_key_or_value_is_named(table: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"name": "Mara"}')
    (tmp_path / "persona.toml").write_text(f"[training]\n{table}\n")
    with pytest.raises(UserError, match=complaint.replace(".", r"\.").replace("?", r"\?")):
        load_persona(tmp_path)


@pytest.mark.parametrize(
    ("gigabytes", "expected"),
    [
        (None, (8_192, False)),
        (11, (8_192, False)),
        (6, (4_096, False)),
        (2.3, (1_024, False)),
        (1.4, (400, False)),
        (1.3, (2_048, True)),
        (0.94, (400, True)),
    ],
)
def test_a_recipe_is_made_to_fit_the_memory(gigabytes: float | None, expected: tuple[int, bool]) -> None:
    fitted = fit_recipe(chosen(), needed, gigabytes and int(gigabytes * 1e9), 400)
    assert (fitted.recipe.row, fitted.recipe.checkpointing) == expected
    changed = {"row": expected[0] < 8_192, "checkpointing": expected[1]}
    assert {key: fitted.reasons[key] != chosen().reasons[key] for key in changed} == changed


def test_checkpointing_that_is_set_is_kept_where_the_memory_would_hold_all_activations() -> None:
    fitted = fit_recipe(chosen(TrainingOptions(checkpointing=True)), needed, 20 * 10**9, 400)
    assert (fitted.recipe.checkpointing, fitted.reasons["checkpointing"]) == (True, "set in persona.toml")


def test_no_room_is_said_with_figures_and_what_to_do() -> None:
    with pytest.raises(
        UserError, match=r"needs about 0\.8 GB of memory, and 0\.8 GB can be had: build the data"
    ):
        fit_recipe(chosen(), needed, 9 * 10**8, 400)


def test_a_label_is_more_work_than_a_token_that_is_only_read() -> None:
    assert row_cost(1000, 100, full_backprop=False) == 1400
    assert row_cost(1000, 100, full_backprop=True) == 1050


def test_time_is_a_line_through_two_trials() -> None:
    assert line_through_trials((100, 2.0), (300, 4.0))(200) == 3.0
    assert line_through_trials((300, 3.0), (100, 1.0))(200) == 2.0
    assert line_through_trials((100, 2.0), (100, 2.0))(200) == 4.0
    assert line_through_trials((100, 1.0), (300, 4.0))(300) == 4.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.2, "2 s"), (89, "89 s"), (90, "2 min"), (7_000, "1 h 57 min")]
)
def test_times_are_written_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
