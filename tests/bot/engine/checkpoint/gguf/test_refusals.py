"""A GGUF file that cannot be served as it lies is refused in a sentence that says what to do."""

import sys
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

from bot.engine.checkpoint.gguf.gguf_file import open_gguf
from bot.errors import UserError
from tests.bot.engine.checkpoint.gguf.variants import make_model
from tests.fakes.gguf_models import Change, write_model


def put(key: str, write: Callable[[gguf.GGUFWriter, str], None]) -> Change:
    """Return a change that writes a key anew."""

    def change(writer: gguf.GGUFWriter) -> None:
        writer.kv_data[0].pop(key, None)
        write(writer, key)

    return change


def whole(key: str, value: int) -> Change:
    return put(key, lambda writer, key: writer.add_uint32(key, value))


def number(key: str, value: float) -> Change:
    return put(key, lambda writer, key: writer.add_float64(key, value))


def text(key: str, value: str) -> Change:
    return put(key, lambda writer, key: writer.add_string(key, value))


def without(tensor: str) -> Change:
    return lambda writer: writer.tensors[0].pop(tensor) and None


def tensor(name: str, *shape: int, kind: str = "F32") -> Change:
    def change(writer: gguf.GGUFWriter) -> None:
        writer.tensors[0].pop(name, None)
        values = np.ones(shape, np.float32)
        quant = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(name, gguf.quants.quantize(values, quant), raw_dtype=quant)

    return change


REFUSED: dict[str, tuple[str, Change, str]] = {
    "another architecture": (
        "llama",
        text("general.architecture", "mamba"),
        "architecture mamba are not served; choose another .model. name, of llama, mistral, qwen2",
    ),
    "an adapter": ("llama", text("general.type", "adapter"), "it holds no model but: adapter; set"),
    "a mixture of experts": ("llama", whole("llama.expert_count", 8), "it is a mixture of experts"),
    "a type without kernels": (
        "llama",
        tensor("blk.0.ffn_up.weight", 64, 32, kind="MXFP4"),
        r"its blk.0.ffn_up.weight is stored as MXFP4, which is not served \(F32, .*; "
        "take the file of the same model in Q4_K_M, Q5_K_M, Q6_K or Q8_0",
    ),
    "a norm in blocks": ("llama", tensor("output_norm.weight", 32, kind="Q8_0"), "is stored as Q8_0"),
    "a missing tensor": ("llama", without("blk.1.attn_v.weight"), "it has no blk.1.attn_v.weight"),
    "a bias that is missing": (
        "llama-biased",
        without("blk.1.attn_output.bias"),
        "no blk.1.attn_out",
    ),
    "a tensor that no Llama has": (
        "llama",
        tensor("blk.0.attn_q_norm.weight", 8),
        "tensors that no",
    ),
    "another shape": (
        "llama",
        tensor("blk.0.attn_q.weight", 16, 32),
        r"\(16, 32\) in place of \(32, 32\)",
    ),
    "no embeddings": ("llama", without("token_embd.weight"), "it has no token_embd.weight"),
    "more layers than tensors": (
        "llama",
        whole("llama.block_count", 1 << 31),
        "it names 2,147,483,648",
    ),
    "no heads": (
        "llama",
        whole("llama.attention.head_count", 0),
        "does not say its llama.attention",
    ),
    "heads of odd size": (
        "llama",
        whole("llama.attention.key_length", 7),
        "keys and values are of diff",
    ),
    "layers that differ": (
        "llama",
        put("llama.attention.head_count_kv", lambda writer, key: writer.add_array(key, [2, 4])),
        "its layers differ in llama.attention.head_count_kv",
    ),
    "a size that is a text": ("llama", text("llama.embedding_length", "32"), "is no whole number"),
    "a base of nothing": ("llama", number("llama.rope.freq_base", 0.0), "its rotary base is 0"),
    "a base that is no number": ("llama", number("llama.rope.freq_base", float("nan")), "is no number"),
    "half of each head": (
        "llama",
        whole("llama.rope.dimension_count", 4),
        "rotates 4 of 8 numbers",
    ),
    "a stretch of another kind": (
        "llama",
        text("llama.rope.scaling.type", "longrope"),
        "by longrope",
    ),
    "a stretch by nothing": (
        "llama",
        text("llama.rope.scaling.type", "yarn"),
        "not say by which factor",
    ),
    "factors of another number": (
        "llama-llama3",
        tensor("rope_freqs.weight", 5),
        "rotary factors are none",
    ),
    "a scale that overflows": ("gemma2", number("gemma2.attention.scale", 1e-200), "is no whole GGUF file"),
    "a further part": ("llama", whole("split.no", 1), "is a further part of a model; set"),
    "parts by another name": (
        "llama",
        whole("split.count", 3),
        "one of 3 parts and is not named like",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_served_is_refused(name: str, tmp_path: Path) -> None:
    variant, change, message = REFUSED[name]
    path = write_model(tmp_path / "model.gguf", make_model(variant), change)
    with pytest.raises(UserError, match=message):
        open_gguf(path)


def test_a_part_without_the_others_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model.gguf", make_model("qwen3"), split=9)
    first, second, third = sorted(tmp_path.glob("*.gguf"))
    third.unlink()
    with pytest.raises(UserError, match=r"its part .*00003.* is missing; copy all parts"):
        open_gguf(first)
    with pytest.raises(UserError, match="is a further part of a model; set"):
        open_gguf(second)


@pytest.mark.skipif(sys.platform == "win32", reason="rights are not checked there")
def test_a_part_that_everybody_may_write_is_not_read(tmp_path: Path) -> None:
    write_model(tmp_path / "model.gguf", make_model("qwen3"), split=9)
    first, second, _ = sorted(tmp_path.glob("*.gguf"))
    second.chmod(0o666)
    with pytest.raises(UserError, match=r"00002.*, and is not read"):
        open_gguf(first)


def test_factors_of_another_formula_are_refused(tmp_path: Path) -> None:
    def bend(writer: gguf.GGUFWriter) -> None:
        writer.tensors[0].pop("rope_freqs.weight")
        writer.add_tensor("rope_freqs.weight", np.linspace(3, 1, 8, dtype=np.float32))

    with pytest.raises(UserError, match="its rotary factors are not those of Llama 3; take"):
        open_gguf(write_model(tmp_path / "model.gguf", make_model("llama-llama3"), bend))


def test_a_part_of_another_model_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model.gguf", make_model("qwen3"), split=9)
    first, second, third = sorted(tmp_path.glob("*.gguf"))
    third.write_bytes(second.read_bytes())
    with pytest.raises(UserError, match=r"its part .*00003.* is another one"):
        open_gguf(first)
