"""Losses of answers are those of transformers and PEFT, with logits for answers alone."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from bot.config import ModelSettings
from bot.engine.model_loader.load_plan import plan_load
from bot.errors import UserError
from tests.fakes import tiny
from training.evaluation.forced_scoring import ForcedScorer
from training.metrics import likelihood
from training.metrics.likelihood import TokenLosses

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
PROMPT = (1, 300, 301, 302)
ANSWERS = [(303, 304, 2), (305,), (310, 311, 312, 313, 2)]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_adapter(tmp_path_factory.mktemp("adapter"), base)


@pytest.fixture(scope="module")
def scorer(base: Path, adapter: Path, tmp_path_factory: pytest.TempPathFactory) -> ForcedScorer:
    settings = ModelSettings(name=str(base), precision="fp32", threads=1)
    found = plan_load(settings, tmp_path_factory.mktemp("data"), lambda stage: None)
    return ForcedScorer(found, settings, adapter)


def reference_losses(model: torch.nn.Module, prompt: tuple[int, ...], answer: tuple[int, ...]) -> list[float]:
    """Return the losses of an answer by all logits of one row."""
    ids = torch.tensor([(*prompt, *answer)])
    with torch.inference_mode():
        chances = model(input_ids=ids).logits[0].log_softmax(-1)
    return [-float(chances[len(prompt) + at - 1, id]) for at, id in enumerate(answer)]


@pytest.mark.parametrize("prompt", [PROMPT, (1,)])
@pytest.mark.parametrize("adapted", [False, True])
def test_losses_are_those_of_the_plain_model(
    scorer: ForcedScorer, base: Path, adapter: Path, prompt: tuple[int, ...], adapted: bool
) -> None:
    model = LlamaForCausalLM.from_pretrained(base)
    model = PeftModel.from_pretrained(model, adapter) if adapted else model
    for answer, scored in zip(ANSWERS, scorer.score(prompt, ANSWERS, adapted), strict=True):
        np.testing.assert_allclose(scored.losses, reference_losses(model, prompt, answer), atol=1e-4)


def test_strength_scales_the_adapter(base: Path, adapter: Path, tmp_path: Path) -> None:
    settings = ModelSettings(name=str(base), precision="fp32", threads=1)
    none = ForcedScorer(plan_load(settings, tmp_path, lambda stage: None), settings, adapter, strength=0.0)
    plainly, adapted_losses = (none.score(PROMPT, ANSWERS, adapted) for adapted in (False, True))
    for one, other in zip(plainly, adapted_losses, strict=True):
        np.testing.assert_allclose(one.losses, other.losses, atol=1e-6)


def test_answers_in_several_passes_are_the_same(
    scorer: ForcedScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scorer.score(PROMPT, ANSWERS, True)
    monkeypatch.setattr("training.evaluation.forced_scoring.LOGITS", 1)
    for one, other in zip(whole, scorer.score(PROMPT, ANSWERS, True), strict=True):
        np.testing.assert_allclose(one.losses, other.losses, atol=1e-4)
        assert one.is_top.tolist() == other.is_top.tolist()


@pytest.mark.parametrize("shared", [1, 3, 4])
def test_a_shared_prefix_does_not_change_losses(scorer: ForcedScorer, shared: int) -> None:
    for adapted in (False, True):
        for prompt in (PROMPT, (*PROMPT[:3], 306), (1, 307, 308, 309)):
            whole = scorer.score(prompt, ANSWERS, adapted)
            parts = scorer.score(prompt, ANSWERS, adapted, shared)
            again = scorer.score(prompt, ANSWERS, adapted, shared)
            for one, two, three in zip(whole, parts, again, strict=True):
                np.testing.assert_allclose(one.losses, two.losses, atol=1e-4)
                np.testing.assert_allclose(one.losses, three.losses, atol=1e-4)


def test_logits_are_computed_for_answers_alone(scorer: ForcedScorer) -> None:
    made = list[tuple[int, ...]]()

    def watch(head: torch.nn.Module, given: object, logits: torch.Tensor) -> None:
        made.append(tuple(logits.shape[:2]))

    hook = scorer._model.get_output_embeddings().register_forward_hook(watch)
    scorer.score((1, *range(300, 340)), [(303, 304, 2)], True)
    hook.remove()
    assert made == [(1, 1), (1, 4)]  # one for the prompt's keys and values; then answer and end


def token_losses(*losses: float) -> TokenLosses:
    return TokenLosses(np.array(losses), np.ones(len(losses), bool))


def test_a_sum_weighs_tokens_and_pairs_answers() -> None:
    before = [token_losses(3.0), token_losses(1.0, 1.0, 1.0)]
    found = likelihood.summarise_losses(
        {"base": before, "adapter": [token_losses(2.0), token_losses(0.5, 0.5, 0.5)]}, "base", "adapter", 0
    )
    assert (found.sets["base"].value, found.sets["adapter"].value) == (6 / 4, 3.5 / 4)
    assert (found.gain.value, found.gain.low, found.gain.high) == (2.5 / 4, 0.5, 1.0)
    assert (found.answers, found.tokens) == (2, 4)


def cut_weights(folder: Path) -> None:
    content = (folder / "adapter_model.safetensors").read_bytes()
    (folder / "adapter_model.safetensors").write_bytes(content[:-100])


def cut_header(folder: Path) -> None:
    (folder / "adapter_model.safetensors").write_bytes((1 << 40).to_bytes(8, "little") + b"{")


def drop_tensor(folder: Path) -> None:
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors.pop(min(tensors))
    save_file(tensors, folder / "adapter_model.safetensors")


def reshape_tensor(folder: Path) -> None:
    tensors = load_file(folder / "adapter_model.safetensors")
    save_file(tensors | {min(tensors): torch.zeros(3, 3)}, folder / "adapter_model.safetensors")


def break_settings(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"r":')


@pytest.mark.parametrize("damage", [cut_weights, cut_header, drop_tensor, reshape_tensor, break_settings])
def test_a_damaged_adapter_is_refused_with_a_sentence(
    base: Path, adapter: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    shutil.copytree(adapter, tmp_path / "adapter")
    damage(tmp_path / "adapter")
    settings = ModelSettings(name=str(base), precision="fp32", threads=1)
    plan = plan_load(settings, tmp_path / "data", lambda stage: None)
    with pytest.raises(UserError, match=r'The adapter "adapter" was not loaded: .+; .+\.'):
        ForcedScorer(plan, settings, tmp_path / "adapter")


def test_a_base_model_that_was_cut_after_it_was_planned_is_refused(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    shutil.copytree(base, tmp_path / "base")
    settings = ModelSettings(name=str(tmp_path / "base"), precision="fp32", threads=1)
    plan = plan_load(settings, tmp_path / "data", lambda stage: None)
    os.truncate(tmp_path / "base" / "model.safetensors", 9000)
    with pytest.raises(UserError, match=r"model\.safetensors is cut off, or longer than its header says"):
        ForcedScorer(plan, settings, adapter)
