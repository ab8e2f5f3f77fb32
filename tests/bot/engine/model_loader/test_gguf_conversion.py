"""Where a GGUF file is not served as it lies, it becomes a folder of the same weights, tensor by tensor."""

import json
from pathlib import Path

import gguf
import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM

from bot.engine.model_loader import gguf as conversion
from bot.engine.model_loader.gguf import convert_gguf
from tests.bot.engine.checkpoint.gguf.variants import VARIANTS, VOCABULARY
from tests.bot.engine.model_loader.packed_models import whole_blocks
from tests.bot.engine.model_loader.test_packed_model import write_quantised

# heads that fill no blocks, or that have factors of another size; 46 layers for one number
SKIPPED = {"llama-biased", "phi3-longrope", "gemma2-wide"}


def add_vocabulary(writer: gguf.GGUFWriter) -> None:
    """Tokens of one letter, and two pairs of letters."""
    tokens = [*map(chr, range(33, 33 + VOCABULARY - 2)), "ab", "cd"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.NORMAL] * (VOCABULARY - 3))
    writer.add_token_merges(["a b", "c d"])


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in SKIPPED])
def test_the_copy_has_the_weights_of_the_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = whole_blocks(name, monkeypatch)
    file = write_quantised(tmp_path / "model.gguf", model, "Q4_0", add_vocabulary)
    folder = convert_gguf(file, "f" * 64, "fp32", "cpu", tmp_path / "models", lambda stage: None)
    copy, told = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True, local_files_only=True
    )
    assert not told["missing_keys"] | told["unexpected_keys"]
    expected = dict(model.named_parameters())
    assert {name for name, _ in copy.named_parameters()} == expected.keys()
    for parameter, value in copy.named_parameters():
        torch.testing.assert_close(value, expected[parameter], rtol=0, atol=2e-7, msg=parameter)


def test_no_more_waits_in_memory_than_a_weights_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "_SHARD_BYTES", 20_000)
    told = list[str]()
    file = write_quantised(
        tmp_path / "model.gguf", whole_blocks("llama", monkeypatch), "Q8_0", add_vocabulary
    )
    folder = convert_gguf(file, "f" * 64, "bf16", "cpu", tmp_path / "models", told.append)
    places = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    files = {name: folder / name for name in places.values()}
    assert len(files) > 3
    for name, path in files.items():
        with safe_open(path, "pt") as opened:
            assert set(opened.keys()) == {each for each, place in places.items() if place == name}
    assert told[0] == "reading the tokenizer of the base model (once)"
    assert told[1].startswith("converting the base model (once): 0 of 0 MB")


@pytest.mark.parametrize("precision", ["nf4", "int8"])
def test_a_quantised_copy_keeps_no_plain_weights(
    precision: conversion.Precision, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_quantised(
        tmp_path / "model.gguf", whole_blocks("qwen2", monkeypatch), "Q8_0", add_vocabulary
    )
    folder = convert_gguf(file, "f" * 64, precision, "cpu", tmp_path / "models", lambda stage: None)
    assert [each.name for each in folder.glob("*.safetensors*")] == ["model.safetensors"]
