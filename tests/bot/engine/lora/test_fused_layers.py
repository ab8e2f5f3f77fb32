"""Adapters of separate layers on a model that fuses them, and of fused layers on a model that has them apart.

vllm-project/vllm#4915: Phi-3 has qkv_proj and gate_up_proj, its copies as Llama have q, k, v, gate and up.
"""

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

from bot.engine.lora.registry import read_adapter
from bot.engine.model_executor.model_runner import ModelRunner
from bot.errors import UserError
from tests.bot.engine.lora.adapters import IDS, WEIGHTS, base_of, engine_logits, logits
from tests.bot.engine.lora.made_adapters import save_adapter
from tests.bot.engine.lora.spoiling import tensors
from tests.fakes import families

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

FUSED = ("qkv_proj", "gate_up_proj")


@pytest.fixture(scope="module")
def phi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Phi-3 whose rotary embedding turns whole heads, as Llama's."""
    folder = families.save("phi3", tmp_path_factory.mktemp("phi") / "base")
    config = AutoConfig.from_pretrained(folder)
    config.rope_parameters = {"rope_theta": 10_000.0, "rope_type": "default", "partial_rotary_factor": 1.0}
    config.sliding_window = None
    config.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def apart(phi: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model as a Llama, as the copies of Phi-3 are that have its layers apart."""
    held = load_file(phi / "model.safetensors")
    settings = AutoConfig.from_pretrained(phi).to_dict()
    for name in [name for name in held if "qkv_proj" in name]:
        for part, rows in zip("qkv", held.pop(name).split([64, 32, 32]), strict=True):
            held[name.replace("qkv_proj", f"{part}_proj")] = rows.contiguous()
    for name in [name for name in held if "gate_up_proj" in name]:
        for part, rows in zip(("gate", "up"), held.pop(name).chunk(2), strict=True):
            held[name.replace("gate_up_proj", f"{part}_proj")] = rows.contiguous()
    settings = {key: settings[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "num_key_value_heads", "max_position_embeddings", "vocab_size", "rms_norm_eps",
        "bos_token_id", "eos_token_id", "pad_token_id")}  # fmt: skip
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model("llama", tie_word_embeddings=False, **settings)
    )
    model.load_state_dict(held)
    folder = tmp_path_factory.mktemp("apart")
    model.save_pretrained(folder)
    return folder


def served_logits(base: Path, adapter: Path) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(base)
    loaded = read_adapter("a", adapter, base_of(model))
    return engine_logits(ModelRunner(model, "tiny", 512), loaded, len(IDS))


def peft_logits(base: Path, adapter: Path) -> torch.Tensor:
    return logits(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter))[0, -1]


def test_both_models_are_one(phi: Path, apart: Path) -> None:
    one, other = (logits(AutoModelForCausalLM.from_pretrained(folder)) for folder in (phi, apart))
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]},
        {"target_modules": ["q_proj", "v_proj"]},
        {"target_modules": ["q_proj"]},
        {"target_modules": ["k_proj"]},
        {"target_modules": ["v_proj", "up_proj"]},
        {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": [1]},
        {"target_modules": ["q_proj", "k_proj", "gate_proj"], "rank_pattern": {"q_proj": 2, "k_proj": 7}},
        {"target_modules": ["q_proj", "k_proj"], "alpha_pattern": {"q_proj": 3}, "use_rslora": True},
        {"target_modules": r".*\.(q|k|v)_proj"},
    ],
    ids=str,
)
def test_pairs_of_separate_layers_are_served_in_the_fused_one(
    phi: Path, apart: Path, tmp_path: Path, settings: dict[str, object]
) -> None:
    made = save_adapter(AutoModelForCausalLM.from_pretrained(apart), tmp_path / "a", **settings)
    torch.testing.assert_close(served_logits(phi, made), peft_logits(apart, made), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(served_logits(apart, made), peft_logits(apart, made), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "targets", [["qkv_proj"], ["qkv_proj", "gate_up_proj", "down_proj"], "all-linear"], ids=str
)
def test_pairs_of_fused_layers_are_served_in_the_separate_ones(
    phi: Path, apart: Path, tmp_path: Path, targets: object
) -> None:
    made = save_adapter(AutoModelForCausalLM.from_pretrained(phi), tmp_path / "a", target_modules=targets)
    torch.testing.assert_close(served_logits(apart, made), peft_logits(phi, made), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(served_logits(phi, made), peft_logits(phi, made), atol=1e-4, rtol=1e-4)


def test_ranks_add_up_in_a_fused_layer(phi: Path, apart: Path, tmp_path: Path) -> None:
    targets = ["q_proj", "k_proj", "v_proj"]
    made = save_adapter(
        AutoModelForCausalLM.from_pretrained(apart), tmp_path / "a", r=86, target_modules=targets
    )
    with pytest.raises(
        UserError, match="parts of the base model's qkv_proj have rank 258 together, more than 256"
    ):
        served_logits(phi, made)


def other_rows(held: dict[str, torch.Tensor]) -> None:
    for name in [name for name in held if "k_proj.lora_B" in name]:
        held[name] = held[name][:-1].contiguous()


def drop_half(held: dict[str, torch.Tensor]) -> None:
    for name in [name for name in held if "layers.1" in name and "k_proj" in name]:
        del held[name]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (
            other_rows,
            "it adapts k_proj, q_proj apart, and their rows do not fit into the base model's qkv_proj",
        ),
        (drop_half, "modules that its settings name are missing from its weights"),
    ],
)
def test_what_does_not_fit_a_fused_layer_is_refused(
    phi: Path, apart: Path, tmp_path: Path, spoil: object, reason: str
) -> None:
    targets = ["q_proj", "k_proj"]
    made = save_adapter(AutoModelForCausalLM.from_pretrained(apart), tmp_path / "a", target_modules=targets)
    tensors(spoil)(made)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=reason):
        served_logits(phi, made)


def test_a_fused_pair_of_another_size_is_refused(phi: Path, apart: Path, tmp_path: Path) -> None:
    made = save_adapter(
        AutoModelForCausalLM.from_pretrained(phi), tmp_path / "a", target_modules=["qkv_proj"]
    )

    def cut(held: dict[str, torch.Tensor]) -> None:
        for name in [name for name in held if "lora_B" in name]:
            held[name] = held[name][:100].contiguous()

    tensors(cut)(made)
    with pytest.raises(
        UserError, match="in one layer of 100 rows, and the base model has 3 layers of 128 rows"
    ):
        served_logits(apart, made)
    assert load_file(made / WEIGHTS)
