"""LLaMA's own checkpoints become models of transformers with the same answers, and the other way round."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import embedding, silu
from transformers import AutoModelForCausalLM

from bot.errors import UserError
from tests.fakes import tiny
from training.__main__ import main
from training.adapters.convert import ConvertOptions, convert_model

IDS = torch.tensor([1, 300, 301, 302, 7, 9])


@pytest.fixture(scope="module", params=[{}, {"tie_word_embeddings": True}], ids=["own head", "tied head"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rope = {"rope_theta": 5_000.0, "rope_type": "default"}
    sizes = {"intermediate_size": 160, "max_position_embeddings": 64, "rope_parameters": rope}
    return tiny.save_model(tmp_path_factory.mktemp("base"), **sizes, **request.param)


def logits(folder: Path) -> Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        found: Tensor = model(IDS[None]).logits[0]
    return found


def llama_logits(folder: Path) -> Tensor:
    """What LLaMA's own code computes of its checkpoint: pairs of numbers side by side are turned."""
    params = json.loads((folder / "params.json").read_text())
    held = torch.load(folder / "consolidated.00.pth", weights_only=True)
    heads, kv_heads, dim, count = params["n_heads"], params["n_kv_heads"], params["dim"], len(IDS)
    width = dim // heads
    speeds = params["rope_theta"] ** -(torch.arange(0, width, 2) / width)
    turns = torch.polar(torch.ones(count, width // 2), torch.outer(torch.arange(count).float(), speeds))

    def norm(values: Tensor, name: str) -> Tensor:
        mean = values.pow(2).mean(-1, keepdim=True)
        return values * torch.rsqrt(mean + params["norm_eps"]) * held[name]

    def turned(values: Tensor) -> Tensor:
        pairs = torch.view_as_complex(values.reshape(count, -1, width // 2, 2))
        return torch.view_as_real(pairs * turns[:, None]).reshape(values.shape)

    x = embedding(IDS, held["tok_embeddings.weight"])
    for at in range(params["n_layers"]):
        name = f"layers.{at}."
        y = norm(x, f"{name}attention_norm.weight")
        q, k, v = ((y @ held[f"{name}attention.w{each}.weight"].T).view(count, -1, width) for each in "qkv")
        q, k = turned(q), turned(k)
        k, v = (each.repeat_interleave(heads // kv_heads, 1) for each in (k, v))
        scores = torch.einsum("qhd,khd->hqk", q, k) / width**0.5
        scores += torch.full((count, count), float("-inf")).triu(1)
        y = torch.einsum("hqk,khd->qhd", scores.softmax(-1), v).reshape(count, dim)
        x = x + y @ held[f"{name}attention.wo.weight"].T
        y = norm(x, f"{name}ffn_norm.weight")
        w1, w2, w3 = (held[f"{name}feed_forward.w{each}.weight"] for each in (1, 2, 3))
        x = x + (silu(y @ w1.T) * (y @ w3.T)) @ w2.T
    found: Tensor = norm(x, "norm.weight") @ held["output.weight"].T
    return found


def test_llamas_own_code_computes_the_same_of_a_converted_model(base: Path, tmp_path: Path) -> None:
    told = convert_model(base, tmp_path / "meta")
    assert told == f"LLaMA's own checkpoint of 2 layers (1 file) in {tmp_path / 'meta'}"
    torch.testing.assert_close(llama_logits(tmp_path / "meta"), logits(base), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("files", [1, 2])
def test_a_model_comes_back_as_it_was(files: int, base: Path, tmp_path: Path) -> None:
    convert_model(base, tmp_path / "meta", ConvertOptions(files=files))
    names = [f"consolidated.{at:02}.pth" for at in range(files)]
    assert sorted(path.name for path in (tmp_path / "meta").glob("*.pth")) == names
    told = convert_model(tmp_path / "meta", tmp_path / "back", ConvertOptions(context=64))
    assert told == f"LLaMA model of 2 layers in safetensors (1 file) in {tmp_path / 'back'}"
    torch.testing.assert_close(logits(tmp_path / "back"), logits(base), atol=0, rtol=0)
    tensors = load_file(base / "model.safetensors")
    back = load_file(tmp_path / "back/model.safetensors")
    assert back.keys() - {"lm_head.weight"} == tensors.keys() - {"lm_head.weight"}
    assert (tmp_path / "back/tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


def test_llama_3_cuts_its_embeddings_by_tokens(base: Path, tmp_path: Path) -> None:
    convert_model(base, tmp_path / "meta", ConvertOptions(files=2))
    paths = sorted((tmp_path / "meta").glob("*.pth"))
    held = [torch.load(path, weights_only=True) for path in paths]
    whole = torch.cat([each["tok_embeddings.weight"] for each in held], 1)
    for path, each, piece in zip(paths, held, whole.chunk(2, 0), strict=True):
        each |= {"tok_embeddings.weight": piece.clone(), "rope.freqs": torch.ones(8)}
        torch.save(each, path)
    convert_model(tmp_path / "meta", tmp_path / "back")
    torch.testing.assert_close(logits(tmp_path / "back"), logits(base), atol=0, rtol=0)


def test_weights_are_several_files_of_a_size(base: Path, tmp_path: Path) -> None:
    convert_model(base, tmp_path / "meta")
    reports = list[str]()
    options = ConvertOptions(shard_bytes=150_000)
    told = convert_model(tmp_path / "meta", tmp_path / "back", options, reports.append)
    files = sorted((tmp_path / "back").glob("*.safetensors"))
    assert f"({len(files)} files)" in told
    assert len(files) > 2
    assert max(path.stat().st_size for path in files) < 152_000
    total = sum(path.stat().st_size for path in (tmp_path / "meta").glob("*.pth")) / 1e6
    assert reports[0].startswith("converting meta (once): 0 of ")
    assert f" of {total:,.0f} MB" in reports[-1]
    torch.testing.assert_close(logits(tmp_path / "back"), logits(base), atol=0, rtol=0)


def edit_params(folder: Path, **changes: Any) -> None:
    told = json.loads((folder / "params.json").read_text())
    (folder / "params.json").write_text(json.dumps(told | changes))


def edit_tensors(change: Callable[[dict[str, Tensor]], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        held = torch.load(folder / "consolidated.00.pth", weights_only=True)
        change(held)
        torch.save(held, folder / "consolidated.00.pth")

    return spoil


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "no sizes": (lambda folder: (folder / "params.json").unlink(), "params.json is missing"),
    "sizes of nothing": (lambda folder: edit_params(folder, dim="x"), "does not name the sizes of a LLaMA"),
    "other sizes": (lambda folder: edit_params(folder, n_heads=5), "that do not go into each other"),
    "more layers": (lambda folder: edit_params(folder, n_layers=3), "not those of a LLaMA model of 3 layers"),
    "fewer layers": (lambda folder: edit_params(folder, n_layers=1), "of a LLaMA model of 1 layers"),
    "other heads": (lambda folder: edit_params(folder, n_kv_heads=4), "The sides of layers.0.attention.wk"),
    "LLaMA 3.1": (lambda folder: edit_params(folder, use_scaled_rope=True), r"model \(use_scaled_rope\)"),
    "another model": (
        edit_tensors(lambda held: held.update({"layers.0.moe.gate": torch.ones(2)})),
        r"\(layers\.0\.moe\.gate is missing or too many\)",
    ),
    "a pickle that runs": (
        lambda folder: torch.save({"a": print}, folder / "consolidated.00.pth"),
        "consolidated.00.pth holds more than tensors, or is damaged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_checkpoint_that_is_none_of_llama_is_refused_and_nothing_is_left(
    kind: str, base: Path, tmp_path: Path
) -> None:
    convert_model(base, tmp_path / "meta")
    spoil, reason = BAD[kind]
    spoil(tmp_path / "meta")
    with pytest.raises(UserError, match=reason):
        convert_model(tmp_path / "meta", tmp_path / "back")
    assert [path.name for path in tmp_path.iterdir()] == ["meta"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model_type": "qwen2"}, "is not plain LLaMA (qwen2)"),
        ({"attention_bias": True}, "is not plain LLaMA (attention_bias)"),
        ({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1.0}}, "(rotary embedding llama3)"),
    ],
)
def test_a_model_of_another_architecture_is_refused(
    changes: dict[str, Any], reason: str, base: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(base, tmp_path / "other"))
    told = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(told | changes))
    with pytest.raises(UserError) as refused:
        convert_model(other, tmp_path / "meta")
    assert reason in str(refused.value)


def test_the_command_converts_and_says_what_is_wrong(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(base), str(tmp_path / "meta"), "--files", "2"]) == 0
    assert capsys.readouterr().out == f"LLaMA's own checkpoint of 2 layers (2 files) in {tmp_path / 'meta'}\n"
    assert main(["convert", str(base), str(tmp_path / "meta")]) == 2
    assert capsys.readouterr().err == (
        f"training: {tmp_path / 'meta'} is there already: name a new one, or delete it.\n"
    )
    assert main(["convert", str(tmp_path), str(tmp_path / "x")]) == 2
    assert "holds neither consolidated.*.pth with params.json nor a config.json" in capsys.readouterr().err
    assert main(["convert", str(base), str(tmp_path / "x"), "--files", "3"]) == 2
    assert "2 heads of keys do not go into 3 files" in capsys.readouterr().err
