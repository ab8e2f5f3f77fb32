"""Text adapters and base models of which one has the text model alone, and the other one wraps it.

vllm-project/vllm#34186, #48019 and #41702: names differ by `language_model.`, and the bare base answers.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

from bot.engine.kernels import matmul
from bot.engine.lora.linear import LoraLinear
from bot.engine.lora.registry import read_adapter
from bot.engine.model_executor.model_runner import ModelRunner
from bot.errors import UserError
from tests.bot.engine.lora.adapters import IDS, WEIGHTS, base_of, engine_logits, logits
from tests.bot.engine.lora.made_adapters import LINEAR, save_adapter
from tests.bot.engine.lora.spoiling import edit, tensors
from tests.bot.engine.lora.wrapped_models import WRAPPERS, save_text_model, save_wrapper
from tests.bot.engine.model_loader.driver import loaded

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def wrapped(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """Return the folders of a wrapper and of the text model inside it."""
    made: dict[str, tuple[Path, Path]] = {}

    def make(name: str) -> tuple[Path, Path]:
        if name not in made:
            folder = save_wrapper(name, tmp_path_factory.mktemp(name) / "wrapper")
            made[name] = folder, save_text_model(folder, name, folder.parent / "text")
        return made[name]

    return make


@pytest.fixture
def gemma(wrapped: Callable[[str], tuple[Path, Path]]) -> tuple[Path, Path]:
    return wrapped("gemma3")


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_is_served_as_the_text_model_inside_it(
    wrapped: Callable[[str], tuple[Path, Path]], tmp_path: Path, name: str
) -> None:
    wrapper, text = wrapped(name)
    served = loaded(wrapper, tmp_path, precision="fp32")
    theirs = logits(AutoModelForCausalLM.from_pretrained(text))[0, -1]
    for tokens in (1, len(IDS)):
        torch.testing.assert_close(engine_logits(served.runner, None, tokens), theirs, atol=1e-4, rtol=1e-4)


def test_float32_stays_exact_whichever_kernel_is_faster(
    gemma: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer of images of a class of its own once let a race of kernels round the text's weights."""
    monkeypatch.setattr(matmul, "fastest_kernel", lambda *given: matmul.fp16_matmul)
    served = loaded(gemma[0], tmp_path, precision="fp32")
    kernels = {
        type(module.kernel) for module in served.runner.model.modules() if isinstance(module, LoraLinear)
    }
    assert kernels == {matmul.PlainMatmul}


@pytest.mark.parametrize("name", WRAPPERS)
def test_an_adapter_of_the_text_model_does_the_same_in_the_wrapper(
    wrapped: Callable[[str], tuple[Path, Path]], tmp_path: Path, name: str
) -> None:
    wrapper, text = wrapped(name)
    made = save_adapter(AutoModelForCausalLM.from_pretrained(text), tmp_path / "a", task_type="CAUSAL_LM")
    theirs = logits(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(text), made))[0, -1]
    served = loaded(wrapper, tmp_path, precision="fp32")
    adapter = read_adapter("a", made, served.base)
    assert len(adapter.pairs) == 9
    mine = engine_logits(served.runner, adapter, len(IDS))
    torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "targets", [LINEAR, r".*language_model.*\.(q_proj|v_proj|down_proj)", [*LINEAR, "lm_head"]]
)
def test_an_adapter_of_the_wrapper_does_the_same_in_the_text_model(
    gemma: tuple[Path, Path], tmp_path: Path, targets: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Its pairs of the layers for images are left out, as no text goes through them."""
    wrapper, text = gemma
    made = save_adapter(
        AutoModelForImageTextToText.from_pretrained(wrapper), tmp_path / "a", target_modules=targets
    )
    whole = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(wrapper), made)
    served = loaded(text, tmp_path, precision="fp32")
    mine = engine_logits(served.runner, read_adapter("a", made, served.base), len(IDS))
    torch.testing.assert_close(mine, _text_logits(whole), atol=1e-4, rtol=1e-4)
    assert ("adapter_layers_left_out" in caplog.messages) is (targets is LINEAR or "lm_head" in targets)


def _text_logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=torch.tensor([IDS])).logits[0, -1]
    return found


def test_an_adapter_of_the_wrapper_is_served_in_the_wrapper(gemma: tuple[Path, Path], tmp_path: Path) -> None:
    """Layers for images that have a q_proj, too, are not missing from an adapter of text layers."""
    wrapper, _ = gemma
    made = save_adapter(AutoModelForImageTextToText.from_pretrained(wrapper), tmp_path / "a")
    theirs = _text_logits(
        PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(wrapper), made)
    )
    served = loaded(wrapper, tmp_path, precision="fp32")
    adapter = read_adapter("a", made, served.base)
    assert not any("vision" in layer for layer in adapter.modules)
    torch.testing.assert_close(engine_logits(served.runner, adapter, len(IDS)), theirs, atol=1e-4, rtol=1e-4)


PREFIXES = {
    "transformers 4.50": "base_model.model.language_model.model.",
    "transformers 4.52": "base_model.model.model.language_model.",
    "the text model's backbone": "base_model.model.",
    "compiled": "base_model.model._orig_mod.model.",
    "without PEFT's prefix": "model.",
    "in parallel": "module.base_model.model.model.",
}


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
def test_prefixes_of_all_kinds_are_the_same_layers(
    folder: Path, adapter: Path, mine: Path, prefix: str
) -> None:
    def rename(held: dict[str, torch.Tensor]) -> None:
        for name in list(held):
            held[prefix + name.removeprefix("base_model.model.model.")] = held.pop(name)

    if prefix != "base_model.model.model.":
        tensors(rename)(mine)
    base = base_of(AutoModelForCausalLM.from_pretrained(folder))
    plain, renamed = read_adapter("a", adapter, base), read_adapter("b", mine, base)
    assert plain.modules == renamed.modules
    for layer, pair in plain.pairs.items():
        torch.testing.assert_close(renamed.pairs[layer].b, pair.b)


@pytest.mark.parametrize("label", ["default", "mara", "my-adapter_2"])
def test_the_name_of_an_adapter_in_its_tensors_names_is_left_out(
    folder: Path, adapter: Path, mine: Path, label: str
) -> None:
    """As early Unsloth, DeepSpeed's checkpoints and a plain `state_dict` have it."""
    held = load_file(mine / WEIGHTS)
    save_file({name.replace(".weight", f".{label}.weight"): held[name] for name in held}, mine / WEIGHTS)
    base = base_of(AutoModelForCausalLM.from_pretrained(folder))
    assert read_adapter("b", mine, base).modules == read_adapter("a", adapter, base).modules


def test_several_adapters_in_one_file_are_refused(folder: Path, mine: Path) -> None:
    held = load_file(mine / WEIGHTS)
    other = {name.replace(".weight", ".other.weight"): each.clone() for name, each in held.items()}
    save_file(held | other, mine / WEIGHTS)
    with pytest.raises(UserError, match="it holds a LoRA matrix twice, as several adapters in one file do"):
        read_adapter("b", mine, base_of(AutoModelForCausalLM.from_pretrained(folder)))


def test_a_missing_layer_is_missing_behind_another_prefix(folder: Path, mine: Path) -> None:
    held = {
        name.replace(".model.model.", ".model.language_model.model."): values
        for name, values in load_file(mine / WEIGHTS).items()
        if "layers.1.self_attn.v_proj" not in name
    }
    save_file(held, mine / WEIGHTS)
    with pytest.raises(UserError, match="modules that its settings name are missing"):
        read_adapter("a", mine, base_of(AutoModelForCausalLM.from_pretrained(folder)))


def test_one_layer_is_not_adapted_twice_under_two_prefixes(folder: Path, mine: Path) -> None:
    def repeat(held: dict[str, torch.Tensor]) -> None:
        for name in list(held):
            held[name.replace(".model.model.", ".model.language_model.")] = held[name].clone()

    tensors(repeat)(mine)
    edit(mine, target_modules=".*")
    with pytest.raises(UserError, match="two of its modules adapt one layer of the base model"):
        read_adapter("a", mine, base_of(AutoModelForCausalLM.from_pretrained(folder)))


def test_an_adapter_of_images_alone_is_refused(gemma: tuple[Path, Path], tmp_path: Path) -> None:
    wrapper, _ = gemma
    made = save_adapter(
        AutoModelForImageTextToText.from_pretrained(wrapper),
        tmp_path / "a",
        target_modules=r".*vision_tower.*q_proj",
    )
    with pytest.raises(UserError, match="adapts only layers that read images or sound"):
        read_adapter("a", made, base_of(AutoModelForImageTextToText.from_pretrained(wrapper)))


def test_positions_of_a_wrappers_text_model_are_checked(
    wrapped: Callable[[str], tuple[Path, Path]],
) -> None:
    model = AutoModelForImageTextToText.from_pretrained(wrapped("llava")[0])
    rope = {"rope_type": "dynamic", "rope_theta": 1e4, "original_max_position_embeddings": 100}
    model.config.get_text_config().rope_parameters = rope
    with pytest.raises(UserError, match="cannot be batched beyond 100 tokens"):
        ModelRunner(model, "tiny", 512)
