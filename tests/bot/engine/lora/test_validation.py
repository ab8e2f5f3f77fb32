"""An untrusted adapter folder is refused before any library opens it."""

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import psutil
import pytest
import torch
from transformers import LlamaForCausalLM

from bot.engine.local.local_engine import LocalEngine
from bot.engine.lora.registry import read_adapter
from bot.errors import UserError
from tests.bot.engine.lora.adapters import MANIFEST, WEIGHTS, base_of, text
from tests.bot.engine.lora.hostile import HOSTILE
from tests.bot.engine.lora.spoiling import edit, tensors

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def test_an_adapter_for_another_model_names_both(folder: Path, adapter: Path, mine: Path) -> None:
    other = LlamaForCausalLM.from_pretrained(folder)
    other.model.layers[0].self_attn.q_proj = torch.nn.Linear(32, 64)
    edit(mine, base_model_name_or_path="some/base\n\x1b[31m<b>")
    with pytest.raises(UserError, match=r"it was made for some/base 31m b, and tiny is running"):
        read_adapter("a", mine, base_of(other))


@pytest.mark.parametrize(
    ("manifest", "fits"),
    [
        ({}, True),
        ({"base_model": "Tiny"}, True),
        ({"base_model": "another"}, False),
        ({"base_hash": "0" * 64, "base_model": "moved elsewhere"}, True),
        ({"base_hash": "1" * 64, "base_model": "tiny"}, False),
    ],
)
def test_the_manifest_names_the_base(folder: Path, mine: Path, manifest: dict[str, str], fits: bool) -> None:
    base = base_of(LlamaForCausalLM.from_pretrained(folder))
    digest = hashlib.sha256((mine / WEIGHTS).read_bytes()).hexdigest()
    (mine / MANIFEST).write_text(json.dumps({"adapter_sha256": digest} | manifest))
    if fits:
        assert read_adapter("a", mine, base)
    else:
        with pytest.raises(UserError, match="it was made for the base model"):
            read_adapter("a", mine, base)


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that exists once hostile code ran, also by the import of `canary_module`."""
    path = tmp_path / "canary"
    (tmp_path / "canary_module.py").write_text(f"open({str(path)!r}, 'w')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return path


async def test_no_hostile_adapter_is_loaded_and_none_runs(
    engine: LocalEngine, adapter: Path, tmp_path: Path, canary: Path
) -> None:
    await engine.add_adapter("good", adapter)
    before = await text(engine, "good")
    rss = psutil.Process().memory_info().rss
    for name, spoil in HOSTILE.items():
        folder = Path(shutil.copytree(adapter, tmp_path / "spoilt"))
        spoil(folder)
        with pytest.raises(UserError, match=r'The adapter "bad" was not loaded: .+; .+') as error:
            await engine.add_adapter("bad", folder)
        assert str(error.value).isprintable(), name
        assert psutil.Process().memory_info().rss - rss < 100_000_000, name
        shutil.rmtree(folder)
    assert canary.name not in os.listdir(tmp_path)
    assert engine.status().adapters == ("good",)
    assert await text(engine, "good") == before


SLOW = "(a+)+$"
UNREAD = {
    "auto_mapping": {"base_model_class": "Canary", "parent_library": "canary_module"},
    "target_modules": SLOW,
    "exclude_modules": SLOW,
    "layers_pattern": SLOW,
    "runtime_config": {"ephemeral_gpu_offload": SLOW},
    "eva_config": {"rho": SLOW},
}


@pytest.mark.parametrize("key", UNREAD)
def test_settings_that_serving_never_uses_are_neither_imported_nor_searched(
    folder: Path, mine: Path, canary: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """huggingface/peft#1744: they are in every adapter of some libraries."""
    compiled: list[str] = []
    compile_ = re.compile

    def note(pattern: str, *flags: int) -> re.Pattern[str]:
        compiled.append(pattern)
        return compile_(pattern, *flags)

    edit(mine, **{key: UNREAD[key]})
    base = base_of(LlamaForCausalLM.from_pretrained(folder))
    monkeypatch.setattr(re, "compile", note)
    assert len(read_adapter("a", mine, base).pairs) == 6
    assert SLOW not in compiled
    assert canary.name not in os.listdir(canary.parent)


def test_the_hostile_corpus_is_large() -> None:
    assert len(HOSTILE) >= 60


def test_a_link_inside_the_folder_is_followed(folder: Path, mine: Path) -> None:
    (mine / WEIGHTS).rename(mine / "blob")
    (mine / WEIGHTS).symlink_to("blob")
    assert read_adapter("a", mine, base_of(LlamaForCausalLM.from_pretrained(folder)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_are_read(folder: Path, mine: Path, dtype: torch.dtype) -> None:
    tensors(lambda held: held.update({name: tensor.to(dtype) for name, tensor in held.items()}))(mine)
    assert read_adapter("a", mine, base_of(LlamaForCausalLM.from_pretrained(folder)))
