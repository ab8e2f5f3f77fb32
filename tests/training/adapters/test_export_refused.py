"""An export that would be wrong is refused with its reason, and leaves nothing behind."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from bot.errors import UserError
from tests.fakes import families
from tests.fixtures.exported_adapters import export_workspace, lora
from training.__main__ import main
from training.adapters.export import ExportFormat, ExportOptions, export_adapter
from training.adapters.install import install_adapter

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(arguments)
    caught = capsys.readouterr()
    return code, caught.out + caught.err


def test_the_command_exports_and_says_what_is_wrong(
    llama: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = export_workspace(tmp_path, llama[0])
    there = ("--config", str(tmp_path / "config.toml"), "export", "--persona", "mara", "--format")
    out = str(tmp_path / "out")
    assert run(capsys, *there, "peft", out) == (
        2,
        "training: mara has no adapter to export: `python -m training train` makes one.\n",
    )
    install_adapter(workspace, llama[1], {})
    assert run(capsys, *there, "peft", "--merged", out) == (
        2,
        'training: --merged goes with --format gguf; a merged folder is "--format merged".\n',
    )
    assert run(capsys, *there, "gguf", out) == (
        0,
        f"LoRA adapter for llama.cpp (--lora, beside a GGUF file of {llama[0]}) in {out}\n",
    )
    assert run(capsys, *there, "gguf", out) == (
        2,
        f"training: {out} is there already: name a new one, or delete it.\n",
    )
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out"]


def test_what_f16_cannot_hold_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    base = families.save("llama", tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(base)
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight[0, 0] = 1e6
    model.save_pretrained(base)
    install_adapter(export_workspace(tmp_path, base), lora(base, tmp_path / "run"), {})
    workspace = export_workspace(tmp_path, base)
    for format, merged in (("merged", False), ("gguf", True)):
        with pytest.raises(UserError, match="weights that f16 cannot hold: export with --dtype f32"):
            export_adapter(workspace, format, tmp_path / "out", ExportOptions(merged, "f16"))  # type: ignore[arg-type]
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gemma2", "Models of the family gemma2 are not written as GGUF here"),
        ("llama-yarn", "stretches its positions"),
    ],
)
def test_models_that_llama_cpp_would_read_otherwise_are_refused(
    name: str, reason: str, tmp_path: Path
) -> None:
    base = families.save(name, tmp_path / "base")
    install_adapter(export_workspace(tmp_path, base), lora(base, tmp_path / "run"), {})
    with pytest.raises(UserError, match=reason):
        export_adapter(export_workspace(tmp_path, base), "gguf", tmp_path / "out", ExportOptions(merged=True))
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("format", ["peft", "merged", "gguf"])
def test_an_export_from_a_damaged_model_is_refused_with_a_sentence(
    llama: tuple[Path, Path], tmp_path: Path, format: ExportFormat
) -> None:
    base = tmp_path / "base"
    shutil.copytree(llama[0], base)
    install_adapter(export_workspace(tmp_path, base), llama[1], {})
    tensors = load_file(base / "model.safetensors")
    tensors.pop("model.layers.0.self_attn.q_proj.weight")
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    if format == "merged":
        with pytest.raises(UserError, match="1 of the tensors that it needs are missing"):
            export_adapter(export_workspace(tmp_path, base), format, tmp_path / "out")
    os.truncate(base / "model.safetensors", 9000)
    with pytest.raises(UserError, match=r"model\.safetensors is cut off, or longer than its header says"):
        export_adapter(export_workspace(tmp_path, base), format, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("format", "options", "reason"),
    [
        (
            "peft",
            ExportOptions(dtype="q8_0"),
            "--dtype q8_0 goes with --format ollama, or with --format gguf",
        ),
        (
            "gguf",
            ExportOptions(dtype="q4_0"),
            "--dtype q4_0 goes with --format ollama, or with --format gguf",
        ),
        ("gguf", ExportOptions(shard=9), "--max-shard-size goes with --format merged"),
        (
            "peft",
            ExportOptions(adapter=Path("nowhere")),
            "There is no folder nowhere: name the one that holds",
        ),
    ],
)
def test_options_that_do_not_go_together_are_told(
    llama: tuple[Path, Path], tmp_path: Path, format: ExportFormat, options: ExportOptions, reason: str
) -> None:
    install_adapter(export_workspace(tmp_path, llama[0]), llama[1], {})
    with pytest.raises(UserError, match=reason):
        export_adapter(export_workspace(tmp_path, llama[0]), format, tmp_path / "out", options)
    assert not list(tmp_path.glob("out*"))


def test_a_run_on_another_base_model_is_not_exported(llama: tuple[Path, Path], tmp_path: Path) -> None:
    """Its layers may have the very same sides, and nothing else would tell."""
    run = tmp_path / "0003"
    shutil.copytree(llama[1], run / "best")
    (run / "recipe.json").write_text('{"base_model": "someone/other", "base_hash": "0"}')
    workspace = export_workspace(tmp_path, llama[0])
    with pytest.raises(UserError) as refused:
        export_adapter(workspace, "peft", tmp_path / "out", ExportOptions(adapter=run))
    assert str(refused.value) == (
        f"The run in {run} was trained on someone/other, and {llama[0]} is set: set [model] name to the base "
        "model of the run."
    )
