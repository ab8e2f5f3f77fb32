"""GGUF files of every served family give transformers' own config and weights."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from transformers import AutoConfig

from bot.engine.checkpoint.gguf.gguf_file import GgufFile, open_gguf
from tests.bot.engine.checkpoint.gguf.variants import VARIANTS, make_model
from tests.fakes.gguf_models import weights_of, write_model

HELD = ("initializer_range", "dtype", "architectures", "transformers_version")  # without effect on answers


def comparable(config: Any) -> dict[str, Any]:
    """Return all fields of a config that change answers; a size of heads that is not named is the usual."""
    fields = {key: value for key, value in config.to_dict().items() if key not in HELD}
    usual = config.hidden_size // config.num_attention_heads
    return fields | {"head_dim": fields.get("head_dim") or usual}


def as_transformers(file: GgufFile) -> Any:
    fields = dict(file.config)
    return AutoConfig.for_model(fields.pop("model_type"), **fields)


@pytest.mark.parametrize("name", VARIANTS)
def test_config_and_weights_are_those_of_the_model(name: str, tmp_path: Path) -> None:
    model = make_model(name)
    file = open_gguf(write_model(tmp_path / "model.gguf", model))
    assert comparable(as_transformers(file)) == comparable(model.config)
    assert file.config["architectures"] == [type(model).__name__]
    weights = weights_of(model)
    assert file.tensors.keys() == weights.keys()
    for parameter, tensor in file.tensors.items():
        np.testing.assert_allclose(tensor.numbers(), weights[parameter], rtol=0, atol=2e-7, err_msg=parameter)


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q4_0"])
def test_a_tensor_is_a_view_of_the_file_in_its_type(kind: str, tmp_path: Path) -> None:
    model = make_model("llama")
    name = "model.layers.1.self_attn.q_proj.weight"
    original = weights_of(model)[name]
    packed = gguf.quants.quantize(original, gguf.GGMLQuantizationType[kind])

    def replace(writer: gguf.GGUFWriter) -> None:
        del writer.tensors[0]["blk.1.attn_q.weight"]
        writer.add_tensor("blk.1.attn_q.weight", packed, raw_dtype=gguf.GGMLQuantizationType[kind])

    tensor = open_gguf(write_model(tmp_path / "model.gguf", model, replace)).tensors[name]
    assert tensor.type.name == kind
    assert tensor.shape == original.shape
    assert not tensor.data.flags.owndata
    assert not tensor.data.flags.writeable
    np.testing.assert_array_equal(tensor.data.reshape(-1), packed.reshape(-1).view(np.uint8))
    assert tensor.row_order is not None
    heads = model.config.num_attention_heads
    expected = np.arange(len(original)).reshape(heads, -1, 2).swapaxes(1, 2).reshape(-1)
    assert tensor.row_order.tolist() == expected.tolist()
    if tensor.block is None:
        stored = gguf.quants.dequantize(packed, gguf.GGMLQuantizationType[kind]).reshape(original.shape)
        np.testing.assert_array_equal(tensor.numbers(), stored[expected])


def test_parts_of_a_model_are_read_together(tmp_path: Path) -> None:
    model = make_model("qwen3")
    write_model(tmp_path / "model.gguf", model, split=9)
    parts = sorted(tmp_path.glob("*.gguf"))
    assert [part.name for part in parts] == [f"model-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    file = open_gguf(parts[0])
    weights = weights_of(model)
    assert file.tensors.keys() == weights.keys()
    for parameter, tensor in file.tensors.items():
        np.testing.assert_array_equal(tensor.numbers(), weights[parameter])


def test_layers_may_say_by_themselves_which_of_them_slide(tmp_path: Path) -> None:
    def say(writer: gguf.GGUFWriter) -> None:
        writer.add_sliding_window_pattern([False, True])

    file = open_gguf(write_model(tmp_path / "model.gguf", make_model("gemma3-local"), say))
    assert file.config["layer_types"] == ["full_attention", "sliding_attention"]
