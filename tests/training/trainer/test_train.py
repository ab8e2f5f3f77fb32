"""Training from data to an adapter that the bot reads, with a tiny model in float32."""

from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file

from bot.engine.lora.registry import read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from tests.fixtures.tiny_training import School


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> School:
    """A persona that was trained once; tests read it."""
    school = School(tmp_path_factory.mktemp("school")).built()
    code, _, error = school.run("train")
    assert code == 0, error
    return school


def test_a_run_leaves_its_recipe_plan_log_curve_and_states(trained: School) -> None:
    (run,) = trained.runs()
    assert sorted(path.name for path in run.iterdir()) == [
        "before.txt", "best", "last", "lessons.txt", "log.jsonl", "loss.svg", "manifest.json", "plan.json",
        "recipe.json", "run.json",
    ]  # fmt: skip
    assert sorted(path.name for path in (run / "best").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]


def test_the_adapter_is_in_place_and_passes_the_bots_strict_reader(trained: School) -> None:
    from training.trainer import base_model

    desk = trained.desk()
    found = base_model.find_base_model(
        desk.settings.model, desk.persona.training, "cpu", desk.settings.data, print
    )
    known = read_adapter(
        "mara",
        trained.folder / "adapter",
        BaseModelIdentity(found.name, found.plan.fingerprint, found.sizes.linear),
    )
    assert known.rank == 16
    assert len(known.pairs) == 14


def test_the_adapter_is_kept_in_half_precision(trained: School) -> None:
    weights = load_file(trained.folder / "adapter/adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}


def test_what_is_held_out_is_foretold_better_than_before(trained: School) -> None:
    judged = [line["loss"] for line in trained.log() if line["event"] == "judged"]
    assert all(after < before for before, after in pairwise(judged))
