"""Private parts of transformers: an upgrade that changes one of them is noticed here."""

import inspect
from typing import Any

import pytest
import torch
import transformers
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from bot.engine.model_executor import compat

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "granite", "smollm3")
SIZES = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 320,
    "pad_token_id": 0,
}


def model(family: str, **settings: Any) -> Any:
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **SIZES | settings))


def modules(root: nn.Module, suffix: str) -> list[Any]:
    return [module for module in root.modules() if type(module).__name__.endswith(suffix)]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_s_attention_is_known_with_its_settings(family: str) -> None:
    for index, attention in enumerate(modules(model(family), "Attention")):
        assert type(attention).__name__ in compat.FUSED_ATTENTION
        settings = compat.attention_settings(attention)
        assert (settings.layer_index, settings.head_size, settings.group_size) == (index, 16, 2)
        assert (
            (settings.q_norm is not None)
            == (settings.k_norm is not None)
            == (family in ("qwen3", "gemma3_text"))
        )
        assert attention.q_proj.out_features == 64
        assert attention.k_proj.out_features == attention.v_proj.out_features == 32
        assert isinstance(attention.o_proj, nn.Linear)


@pytest.mark.parametrize("family", ["mistral", "gemma2", "gemma3_text"])
def test_a_sliding_window_is_found(family: str) -> None:
    attentions = modules(model(family, sliding_window=7), "Attention")
    assert 7 in [compat.attention_settings(attention).shape.window for attention in attentions]


def test_a_softcap_is_found() -> None:
    (first, _) = modules(model("gemma2", attn_logit_softcapping=9.0), "Attention")
    assert compat.attention_settings(first).shape.softcap == 9


def test_a_layer_without_rotary_positions_is_found() -> None:
    attentions = modules(model("smollm3", no_rope_layers=[1, 0]), "Attention")
    assert [compat.attention_settings(attention).uses_rope for attention in attentions] == [True, False]


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3", "smollm3"])
def test_native_layers_have_the_two_norms_and_the_mlp_that_native_c_expects(family: str) -> None:
    for layer in modules(model(family), "DecoderLayer"):
        assert type(layer).__name__ in compat.NATIVE_LAYERS
        names = [name for name, _ in layer.named_children()]
        assert sorted(names) == ["input_layernorm", "mlp", "post_attention_layernorm", "self_attn"]
        assert compat.is_gated_mlp(layer.mlp)
        assert compat.is_silu(layer.mlp.act_fn)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_s_norms_compute_what_their_weights_say(family: str) -> None:
    norms = modules(model(family), "RMSNorm")
    assert norms
    for norm in norms:
        torch.nn.init.normal_(norm.weight)
        weight, epsilon = compat.rms_norm_weights(norm) or (torch.zeros(0), 0.0)
        x = torch.randn(3, len(weight))
        expected = x * (x.pow(2).mean(-1, keepdim=True) + epsilon).rsqrt() * weight
        torch.testing.assert_close(norm(x), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_computes_the_logits_of_chosen_tokens_alone(family: str) -> None:
    one = model(family).eval()
    assert compat.takes_logits_to_keep(one)
    with torch.inference_mode():
        ids, chosen = torch.tensor([[7, 9, 11, 13]]), torch.tensor([1, 3])
        torch.testing.assert_close(one(ids, logits_to_keep=chosen).logits, one(ids).logits[:, chosen])


def test_the_attention_interface_calls_with_what_the_engine_reads() -> None:
    seen: dict[str, Any] = {}

    def attention(module: Any, query: Any, key: Any, value: Any, mask: Any, **more: Any) -> Any:
        seen.update(more, mask=mask, layer=module.layer_idx, shapes=(query.shape, key.shape, value.shape))
        return torch.zeros(1, query.shape[2], query.shape[1], query.shape[3]), None

    transformers.AttentionInterface.register("compat-test", attention)
    one = model("llama").eval()
    one.set_attn_implementation("compat-test")
    one(
        input_ids=torch.tensor([[7, 9, 11]]),
        position_ids=torch.tensor([[0, 1, 2]]),
        use_cache=False,
        step="step",
    )
    assert seen["shapes"] == ((1, 4, 3, 16), (1, 2, 3, 16), (1, 2, 3, 16))
    assert (seen["layer"], seen["mask"], seen["step"]) == (1, None, "step")
    assert {"scaling", "step"} <= set(seen)


@pytest.mark.parametrize(
    ("rope", "limit"),
    [
        ({"rope_type": "default", "rope_theta": 1e4}, None),
        ({"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}, 512),
        (
            {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0] * 8, "long_factor": [4.0] * 8,
             "factor": 4.0, "original_max_position_embeddings": 128},
            128,
        ),
    ],
)  # fmt: skip
def test_positions_that_change_with_the_longest_row_have_a_limit(
    rope: dict[str, Any], limit: int | None
) -> None:
    config = AutoConfig.for_model("llama", **SIZES, max_position_embeddings=512, rope_parameters=rope)
    assert compat.stable_positions(config) == limit
    assert compat.rotates_whole_heads(config)


def test_positions_that_rotate_half_a_head_are_found() -> None:
    rope = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}
    assert not compat.rotates_whole_heads(AutoConfig.for_model("llama", **SIZES, rope_parameters=rope))


def test_layers_are_called_with_hidden_states_and_position_embeddings() -> None:
    (layer, _) = modules(model("llama"), "DecoderLayer")
    names = set(inspect.signature(layer.forward).parameters)
    assert {"hidden_states", "position_embeddings"} <= names
