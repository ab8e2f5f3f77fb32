"""The default model with an adapter: llama.cpp says word for word what transformers says, on 20 prompts."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from bot import config
from bot.engine.checkpoint.norm_fingerprint import norm_fingerprint
from bot.engine.checkpoint.source import ModelSource
from bot.engine.model_loader import loader
from bot.engine.model_loader.load_plan import LoadPlan
from tests.fixtures.llama_cpp import complete
from training.adapters.export import ExportOptions, export_adapter
from training.adapters.gguf.layout import gguf_layout
from training.adapters.gguf.model import write_gguf_model
from training.adapters.install import install_adapter
from training.adapters.merge import unquantized_plan
from training.dataset.workspace import Workspace, open_workspace

pytestmark = [
    pytest.mark.model,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

TOKENS = 16
SUBJECTS = (
    "the sea|a cup of tea|42 lamps|ice 'n snow|trains|the moon|bread|an old letter|chess|rain\nand wind|"
    "a naïve café|dogs|winter|the colour red|a bridge|salt|kites|mountains|a clock that stopped|两杯茶"
)
PROMPTS = [
    f"<|im_start|>user\nTell me about {subject}<|im_end|>\n<|im_start|>assistant\n"
    for subject in SUBJECTS.split("|")
]


def open_mara(root: Path) -> Workspace:
    return open_workspace(config.load_config(root / "config.toml", {}), root / "personas/mara")


@pytest.fixture(scope="module")
def mara(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, LoadPlan]:
    """A persona with a random adapter of rank 8, and the base model in fp32."""
    root = tmp_path_factory.mktemp("mara")
    folder = root / "personas/mara"
    folder.mkdir(parents=True)
    (folder / "persona.toml").touch()
    (folder / "card.json").write_text(json.dumps({"name": "Mara"}))
    (root / "config.toml").write_text('[model]\nprecision = "fp32"\n')
    workspace = open_mara(root)
    found = unquantized_plan(workspace)
    install_adapter(workspace, _lora(found.folder, root / "run"), {})
    return open_mara(root), found


def _lora(base: Path, folder: Path) -> Path:
    """Weights as large as training makes them in some hundred steps: the answers become others, in words."""
    torch.manual_seed(3)
    told = LoraConfig(
        task_type="CAUSAL_LM", r=8, use_rslora=True, target_modules="all-linear", init_lora_weights=False
    )
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(base), told)
    with torch.no_grad():
        for name, weights in adapted.named_parameters():
            if "lora_B" in name:
                weights *= 0.3
    adapted.save_pretrained(folder)
    return folder


def answers(workspace: Workspace, model: Any, texts: list[str]) -> list[list[int]]:
    """Greedy answers as transformers gives them in fp32, all in one batch, which is filled up on the left."""
    prompts = [workspace.model.tokenizer.encode_template(text) for text in texts]
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    told = {"max_new_tokens": TOKENS, "min_new_tokens": TOKENS, "do_sample": False, "pad_token_id": 0}
    with torch.inference_mode():
        made = model.generate(ids, attention_mask=mask, **told)
    found: list[list[int]] = made[:, longest:].tolist()
    return found


def test_llama_cpp_says_what_transformers_says(mara: tuple[Workspace, LoadPlan], tmp_path: Path) -> None:
    workspace, found = mara
    assert workspace.persona.adapter
    plain = loader.load_weights(found, workspace.settings.model)
    alone = answers(workspace, plain, PROMPTS[:3])
    template = workspace.model.tokenizer.template or ""
    assert found.source.path
    layout = gguf_layout(plain.config)
    write_gguf_model(tmp_path / "base.gguf", plain, layout, "f32", "base", template, found.source.path)
    expected = answers(workspace, PeftModel.from_pretrained(plain, workspace.persona.adapter).eval(), PROMPTS)
    assert all(one != other for one, other in zip(alone, expected, strict=False))
    del plain
    export_adapter(workspace, "gguf", tmp_path / "adapter.gguf")
    assert complete(tmp_path / "base.gguf", PROMPTS, TOKENS, tmp_path / "adapter.gguf") == expected
    (tmp_path / "base.gguf").unlink()
    export_adapter(workspace, "gguf", tmp_path / "whole.gguf", ExportOptions(merged=True))
    assert complete(tmp_path / "whole.gguf", PROMPTS[:6], TOKENS) == expected[:6]


def test_the_converted_copy_is_known_as_the_same_model(mara: tuple[Workspace, LoadPlan]) -> None:
    _, found = mara
    assert norm_fingerprint(found.source) == norm_fingerprint(
        ModelSource("folder", found.source.name, found.folder)
    )
