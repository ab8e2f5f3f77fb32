"""Training, from data to an adapter that the bot loads, with a tiny model in float32."""

from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file

from bot.engine.lora.registry import read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from tests.fixtures.tiny_training import TinyPersona


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    """A persona that was trained once; tests do not change it."""
    persona = TinyPersona(tmp_path_factory.mktemp("persona")).built()
    code, _, error = persona.run("train")
    assert code == 0, error
    return persona


def test_a_run_leaves_recipe_plan_log_curve_and_checkpoints(trained: TinyPersona) -> None:
    (run,) = trained.runs()
    assert sorted(path.name for path in run.iterdir()) == [
        "before.txt", "best", "last", "lessons.txt", "log.jsonl", "loss.svg", "manifest.json", "plan.json",
        "recipe.json", "run.json",
    ]  # fmt: skip
    assert sorted(path.name for path in (run / "best").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]


def test_the_adapter_is_installed_and_passes_the_bots_validation(trained: TinyPersona) -> None:
    from training.trainer import base_model

    workspace = trained.workspace()
    base = base_model.find_base_model(
        workspace.settings.model, workspace.persona.training, "cpu", workspace.settings.data, print
    )
    adapter = read_adapter(
        "mara",
        trained.folder / "adapter",
        BaseModelIdentity(base.name, base.plan.fingerprint, base.sizes.linear),
    )
    assert adapter.rank == 16
    assert len(adapter.pairs) == 14


def test_the_adapter_is_kept_in_half_precision(trained: TinyPersona) -> None:
    weights = load_file(trained.folder / "adapter/adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}


def test_the_validation_loss_falls_with_every_evaluation(trained: TinyPersona) -> None:
    validation = [line["loss"] for line in trained.log() if line["event"] == "judged"]
    assert all(after < before for before, after in pairwise(validation))
