"""Loading: in the precision asked for, without code of the model, and with a reason when refused."""

import os
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bitsandbytes.nn import Linear4bit, Linear8bitLt
from transformers import AutoModelForCausalLM

from bot.engine.local.local_engine import LocalEngine
from bot.engine.lora.registry import linear_shapes
from bot.engine.model_loader import load_plan, loader
from bot.errors import UserError
from tests.bot.engine.model_loader.driver import edit_config, loaded, settings, weights


@pytest.mark.parametrize(
    "module", ["bot.engine.local.local_engine", "bot.engine.interface", "bot.engine.local.engine_thread"]
)
def test_the_engine_imports_no_model_library_before_it_starts(module: str) -> None:
    heavy = {"torch", "transformers", "peft", "tokenizers"}
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def only_pickles(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({}))


SPOILT = {
    "missing": (shutil.rmtree, "There is no model at"),
    "without config": (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
    "config no JSON": (lambda folder: (folder / "config.json").write_text("{"), "cannot be read as JSON"),
    "config a list": (lambda folder: (folder / "config.json").write_text("[]"), "not a JSON object"),
    "pickled weights": (only_pickles, "only pickled weights"),
    "without weights": (lambda folder: (folder / "model.safetensors").unlink(), "no complete .safetensors"),
    "weights truncated": (lambda folder: os.truncate(folder / "model.safetensors", 9000), "not be loaded"),
    "shapes of another model": (lambda folder: edit_config(folder, hidden_size=128), "could not be loaded"),
    "of an unknown kind": (lambda folder: edit_config(folder, model_type="new"), "could not be loaded"),
    "code of its own": (
        lambda folder: edit_config(folder, model_type="new", auto_map={"AutoModelForCausalLM": "canary.C"}),
        "could not be loaded",
    ),
    "quantised by another library": (
        lambda folder: edit_config(folder, quantization_config={"quant_method": "gptq", "bits": 4}),
        "not served here",
    ),
}  # fmt: skip  # fmt: skip


@pytest.mark.parametrize("kind", SPOILT)
async def test_a_model_that_cannot_be_loaded_says_why(mine: Path, tmp_path: Path, kind: str) -> None:
    spoil, reason = SPOILT[kind]
    (mine / "canary.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    spoil(mine)
    async with LocalEngine(settings(mine), tmp_path / "data") as engine:
        with pytest.raises(UserError, match=reason):
            await engine.ready()
    assert "ran" not in os.listdir(tmp_path)


@pytest.mark.parametrize(("precision", "kind"), [("nf4", Linear4bit), ("int8", Linear8bitLt)])
def test_quantised_layers_are_quantised(folder: Path, tmp_path: Path, precision: str, kind: type) -> None:
    assert isinstance(weights(folder, tmp_path, precision=precision).model.layers[1].mlp.up_proj, kind)
    assert loaded(folder, tmp_path, precision=precision).precision == precision


@pytest.mark.parametrize("precision", ["nf4", "int8"])
def test_a_model_that_was_saved_quantised_answers_the_same(
    folder: Path, tmp_path: Path, precision: str
) -> None:
    first = weights(folder, tmp_path, precision=precision)
    first.save_pretrained(tmp_path / "saved")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, tmp_path / "saved")
    assert loaded(tmp_path / "saved", tmp_path).precision == precision
    again = weights(tmp_path / "saved", tmp_path)
    ids = torch.tensor([[1, 300, 301, 302]])
    with torch.inference_mode():
        torch.testing.assert_close(again(ids).logits, first(ids).logits)


def test_a_quantised_model_is_not_loaded_in_another_precision(folder: Path, tmp_path: Path) -> None:
    weights(folder, tmp_path, precision="nf4").save_pretrained(tmp_path / "saved")
    with pytest.raises(UserError, match="is stored in nf4"):
        loaded(tmp_path / "saved", tmp_path, precision="bf16")


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16", "bfloat16"), ("fp16", "float16"), ("fp32", "float32")]
)
def test_plain_precisions_are_kept(folder: Path, tmp_path: Path, precision: str, dtype: str) -> None:
    assert loaded(folder, tmp_path, precision=precision).dtype == dtype


def test_a_small_model_is_not_quantised_unasked(folder: Path, tmp_path: Path) -> None:
    assert loaded(folder, tmp_path).precision in ("bf16", "fp32")


def test_the_context_is_no_longer_than_the_model_can_read(mine: Path, tmp_path: Path) -> None:
    edit_config(mine, max_position_embeddings=512)
    assert loaded(mine, tmp_path, context=4096).context == 512
    assert loaded(mine, tmp_path, context=256).context == 256


def test_shapes_are_known_without_the_weights(folder: Path, tmp_path: Path) -> None:
    found = load_plan.plan_load(settings(folder), tmp_path, lambda stage: None)
    shapes = linear_shapes(loader.meta_model(found))
    assert shapes == linear_shapes(AutoModelForCausalLM.from_pretrained(folder))
    assert shapes["model.layers.0.self_attn.k_proj"] == (32, 64)


def test_loading_opens_no_connection(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: tried.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: tried.append(a) or [])
    loaded(folder, tmp_path, precision="nf4")
    assert tried == []


def test_no_kernel_comes_from_a_hub_when_the_package_for_it_is_there(folder: Path, tmp_path: Path) -> None:
    package = tmp_path / "site" / "kernels"
    package.mkdir(parents=True)
    canary = tmp_path / "canary"
    (package / "__init__.py").write_text(f"open({str(canary)!r}, 'w')\n__version__ = '0.12.0'\n")
    code = f"""
from pathlib import Path
from typing import Any
from bot.config import ModelSettings
from bot.engine.runtime.environment import prepare_environment
prepare_environment()
from bot.engine.model_loader import load_plan, loader
from bot.engine.tokenizer.files import read_tokenizer
settings = ModelSettings(name={str(folder)!r}, precision="nf4")
found = load_plan.plan_load(settings, Path({str(tmp_path)!r}), print)
loader.load_model(found, settings, read_tokenizer(found.folder))
"""
    paths = os.pathsep.join([str(tmp_path / "site"), os.getcwd()])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not canary.exists()
