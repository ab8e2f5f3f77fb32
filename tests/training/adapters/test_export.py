"""A persona's adapter in other programs: PEFT, transformers and llama.cpp give the answers it had here."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.engine.checkpoint.norm_fingerprint import norm_fingerprint
from bot.engine.checkpoint.source import ModelSource, model_fingerprint
from bot.engine.lora.registry import linear_shapes, read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.errors import UserError
from tests.fakes import families, tiny
from tests.fixtures.exported_adapters import export_workspace, lora
from tests.fixtures.llama_cpp import complete
from training.adapters.export import ExportFormat, ExportOptions, export_adapter
from training.adapters.gguf.layout import gguf_layout
from training.adapters.gguf.model import write_gguf_model
from training.adapters.install import install_adapter
from training.dataset.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


IDS = [[1, 300 + n, 301, 330 + 2 * n, 302] for n in range(6)]


COUNT = 10


TOKENIZER = tiny.byte_level()


# control tokens, and bytes that are no characters
NEVER = [id for id in range(408) if not (5 <= id < 405 and TOKENIZER.decode([id]).isascii())]


FAMILIES = ("llama", "mistral", "qwen2", "qwen3")


@pytest.fixture(scope="module", params=FAMILIES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Path]:
    """A persona with an adapter whose layers have ranks and scales of their own, and its base model."""
    root = tmp_path_factory.mktemp(request.param)
    base = families.save(request.param, root / "base")
    patterns = {"rank_pattern": {"q_proj": 2, "layers.1.mlp.up_proj": 8}, "alpha_pattern": {"v_proj": 3}}
    install_adapter(export_workspace(root, base), lora(base, root / "run", use_rslora=True, **patterns), {})
    return export_workspace(root, base), base


def answers(model: Any) -> list[list[int]]:
    """Greedy answers, as transformers gives them."""
    told = {"max_new_tokens": COUNT, "do_sample": False, "pad_token_id": 0, "suppress_tokens": NEVER}
    with torch.inference_mode():
        return [model.generate(torch.tensor([ids]), **told)[0, len(ids) :].tolist() for ids in IDS]


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(torch.tensor(IDS)).logits
    return found


def adapted(base: Path, adapter: Path) -> Any:
    return PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).eval()


def test_a_peft_folder_is_loaded_by_peft(made: tuple[Workspace, Path], tmp_path: Path) -> None:
    workspace, base = made
    assert workspace.persona.adapter
    told = export_adapter(workspace, "peft", tmp_path / "out/mara")
    assert told == f"PEFT adapter (mara: adapts 14 layers of {base}) in {tmp_path / 'out/mara'}"
    names = ["adapter_config.json", "adapter_model.safetensors", "manifest.json"]
    assert sorted(path.name for path in (tmp_path / "out/mara").iterdir()) == names
    here, there = adapted(base, workspace.persona.adapter), adapted(base, tmp_path / "out/mara")
    torch.testing.assert_close(logits(there), logits(here))
    assert answers(there) != answers(AutoModelForCausalLM.from_pretrained(base))


@pytest.mark.parametrize("format", ["peft", "merged"])
def test_an_exported_manifest_names_no_folder_of_this_machine_in_its_run(
    format: ExportFormat, made: tuple[Workspace, Path], tmp_path: Path
) -> None:
    workspace, base = made
    adapter = tmp_path / "own"
    assert workspace.persona.adapter
    shutil.copytree(workspace.persona.adapter, adapter)
    told = json.loads((adapter / "manifest.json").read_text())
    record = {"base_model": str(base), "continued_from": "/home/ana/old/adapter", "reasons": {"rank": "set"}}
    (adapter / "manifest.json").write_text(json.dumps({**told, "run": {"run": "0001", "record": record}}))
    export_adapter(workspace, format, tmp_path / "out", ExportOptions(adapter=adapter))
    run = json.loads((tmp_path / "out/manifest.json").read_text())["run"]
    assert run["record"] == {"base_model": base.name, "continued_from": "adapter", "reasons": {"rank": "set"}}


def test_a_merged_folder_gives_the_same_logits(made: tuple[Workspace, Path], tmp_path: Path) -> None:
    workspace, base = made
    assert workspace.persona.adapter
    export_adapter(workspace, "merged", tmp_path / "out")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    expected = logits(adapted(base, workspace.persona.adapter))
    torch.testing.assert_close(logits(merged), expected, atol=1e-4, rtol=1e-4)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    turns = [{"role": "user", "content": "Ana: hi"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) == (
        "<s>Ana: hi\n\nMara:\n"
    )
    assert tokenizer("hi there").input_ids == AutoTokenizer.from_pretrained(base)("hi there").input_ids
    assert (tmp_path / "out/manifest.json").exists()


def test_llama_cpp_answers_the_same(made: tuple[Workspace, Path], tmp_path: Path) -> None:
    workspace, base = made
    assert workspace.persona.adapter
    expected = answers(adapted(base, workspace.persona.adapter))
    export_adapter(workspace, "gguf", tmp_path / "whole.gguf", ExportOptions(merged=True))
    assert complete(tmp_path / "whole.gguf", IDS, COUNT, never=NEVER) == expected
    plain = plain_gguf(workspace, tmp_path)
    export_adapter(workspace, "gguf", tmp_path / "adapter.gguf")
    assert complete(plain, IDS, COUNT, tmp_path / "adapter.gguf", NEVER) == expected
    assert complete(plain, IDS, COUNT, never=NEVER) == answers(AutoModelForCausalLM.from_pretrained(base))


def plain_gguf(workspace: Workspace, folder: Path) -> Path:
    """The base model alone as a GGUF file: exported with an adapter that changes nothing."""
    assert workspace.persona.adapter
    beside = Path(shutil.copytree(workspace.folder.parent.parent, folder / "plain"))
    weights = beside / "personas/mara/adapter/adapter_model.safetensors"
    (beside / "personas/mara/adapter/manifest.json").unlink()
    content = weights.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    weights.write_bytes(content[:start] + bytes(len(content) - start))
    plain = export_workspace(beside, Path(workspace.settings.model.name))
    export_adapter(plain, "gguf", folder / "plain.gguf", ExportOptions(merged=True))
    return folder / "plain.gguf"


def test_a_gguf_file_is_known_as_a_copy_of_its_model(made: tuple[Workspace, Path], tmp_path: Path) -> None:
    """The norms tell it, since an adapter leaves them as they are."""
    workspace, base = made
    export_adapter(workspace, "gguf", tmp_path / "whole.gguf", ExportOptions(merged=True, dtype="f16"))
    here = norm_fingerprint(ModelSource("folder", "x", base))
    assert norm_fingerprint(ModelSource("gguf", "x", tmp_path / "whole.gguf")) == here
    model = AutoModelForCausalLM.from_pretrained(base)
    model.to(torch.bfloat16).to(torch.float32).save_pretrained(tmp_path / "rounded")
    assert norm_fingerprint(ModelSource("folder", "x", tmp_path / "rounded")) != here


@pytest.mark.parametrize(
    ("name", "spoilt", "fits"),
    [("", False, True), ("another/model", False, False), ("", True, False)],
)
def test_an_adapter_made_on_one_copy_is_served_on_another(
    llama: tuple[Path, Path], tmp_path: Path, name: str, spoilt: bool, fits: bool
) -> None:
    """Made on a folder of safetensors, served on a GGUF file; not on another model, whatever it is called."""
    base, adapter = llama
    home = install_adapter(export_workspace(tmp_path / "first", base), adapter, {})
    whole = tmp_path / "whole.gguf"
    model = AutoModelForCausalLM.from_pretrained(base)
    if spoilt:
        with torch.no_grad():
            model.model.norm.weight[3] += 0.01
    tokenizer = AutoTokenizer.from_pretrained(base)
    write_gguf_model(whole, model, gguf_layout(model.config), "f16", "x", "", tokenizer)
    copy = ModelSource("gguf", name or str(base), whole)
    running = BaseModelIdentity(copy.name, model_fingerprint(copy), linear_shapes(model), copy)
    if fits:
        assert len(read_adapter("mara", home, running).pairs) == 14
    else:
        with pytest.raises(UserError, match="or the weights of that model have changed"):
            read_adapter("mara", home, running)


def test_the_metadata_of_an_adapter_are_those_that_llama_cpp_reads(
    made: tuple[Workspace, Path], tmp_path: Path
) -> None:
    workspace, base = made
    export_adapter(workspace, "gguf", tmp_path / "adapter.gguf", ExportOptions(dtype="f16"))
    reader = gguf.GGUFReader(tmp_path / "adapter.gguf")
    told = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF")}
    architecture = told.pop("general.architecture")
    assert architecture in ("llama", "qwen2", "qwen3")
    assert told == {
        "general.type": "adapter",
        "general.name": "Mara",
        "general.base_model.count": 1,
        "general.base_model.0.name": str(base),
        "adapter.type": "lora",
        "adapter.lora.alpha": told["adapter.lora.alpha"],
    }
    shapes = {tensor.name: tuple(int(n) for n in tensor.shape) for tensor in reader.tensors}
    assert len(shapes) == 28
    assert (shapes["blk.0.attn_q.weight.lora_a"], shapes["blk.1.ffn_up.weight.lora_b"]) == ((64, 2), (8, 128))
    assert {tensor.tensor_type for tensor in reader.tensors} == {gguf.GGMLQuantizationType.F16}


def test_a_merged_model_is_several_files_of_a_size(made: tuple[Workspace, Path], tmp_path: Path) -> None:
    workspace, base = made
    assert workspace.persona.adapter
    export_adapter(workspace, "merged", tmp_path / "out", ExportOptions(shard=100_000))
    files = list((tmp_path / "out").glob("model-*.safetensors"))
    assert len(files) > 2
    assert (tmp_path / "out/model.safetensors.index.json").exists()
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    expected = logits(adapted(base, workspace.persona.adapter))
    torch.testing.assert_close(logits(merged), expected, atol=1e-4, rtol=1e-4)


def test_any_run_or_checkpoint_is_exported(made: tuple[Workspace, Path], tmp_path: Path) -> None:
    workspace, base = made
    run = tmp_path / "0003"
    lora(base, run / "best", r=2)
    (run / "recipe.json").write_text("{}")
    bare = replace(workspace, persona=replace(workspace.persona, adapter=None, other_adapters=()))
    for source in (run, run / "best"):
        out = tmp_path / f"out-{source.name}"
        export_adapter(bare, "peft", out, ExportOptions(adapter=source))
        assert (out / "adapter_model.safetensors").read_bytes() == (
            run / "best/adapter_model.safetensors"
        ).read_bytes()
