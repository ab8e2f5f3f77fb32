"""A persona's adapter under names of a wrapper is scored and exported as what it is served as."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from bot.engine.model_loader.load_plan import plan_load
from tests.fixtures.exported_adapters import export_workspace
from tests.fixtures.foreign_adapters import CONFIG, WEIGHTS
from training.adapters.export import export_adapter
from training.evaluation.forced_scoring import ForcedScorer

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

IDS = [[1, 300, 301, 302]]
PREFIX = "base_model.model."


def peft_logits(base: Path, adapter: Path) -> torch.Tensor:
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    with torch.inference_mode():
        found: torch.Tensor = model(torch.tensor(IDS)).logits
    return found


@pytest.fixture
def renamed(llama: tuple[Path, Path], tmp_path: Path) -> Path:
    """An adapter under names of a wrapper, on which PEFT would find none of its modules."""
    folder, adapter = tmp_path / "personas/mara/adapter", llama[1]
    folder.mkdir(parents=True)
    (folder / CONFIG).write_bytes((adapter / CONFIG).read_bytes())
    held = load_file(adapter / WEIGHTS)
    inside = f"{PREFIX}model.language_model."
    save_file(
        {name.replace(f"{PREFIX}model.", inside): each for name, each in held.items()}, folder / WEIGHTS
    )
    return folder


def test_evaluation_scores_an_adapter_under_other_names_as_itself(
    tmp_path: Path, llama: tuple[Path, Path], renamed: Path
) -> None:
    base, adapter = llama
    workspace = export_workspace(tmp_path, base)
    settings = workspace.settings.model.model_copy(update={"precision": "fp32", "device": "cpu"})
    plan = plan_load(settings, workspace.settings.data, lambda stage: None)
    losses = [
        ForcedScorer(plan, settings, folder).score([1, 300], [[301, 302]], adapted=True)[0].losses
        for folder in (adapter, renamed)
    ]
    assert losses[0].tolist() == losses[1].tolist()


def test_an_export_has_the_names_of_the_base_model(
    tmp_path: Path, llama: tuple[Path, Path], renamed: Path
) -> None:
    base, adapter = llama
    export_adapter(export_workspace(tmp_path, base), "peft", tmp_path / "exported")
    torch.testing.assert_close(peft_logits(base, tmp_path / "exported"), peft_logits(base, adapter))
