"""A persona's adapter in other programs: PEFT, transformers and llama.cpp give the answers it had here."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from bot import config
from bot.engine.checkpoint.norm_fingerprint import norms_of
from bot.engine.checkpoint.source import ModelSource, fingerprint
from bot.engine.lora.registry import linear_shapes, read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.errors import UserError
from tests.fakes import families, tiny
from tests.fixtures.llama_cpp import complete
from training.__main__ import main
from training.adapters.export import export_adapter
from training.adapters.gguf.layout import gguf_layout
from training.adapters.gguf.model import write_gguf_model
from training.adapters.gguf.tokenizer import add_tokenizer
from training.adapters.install import install_adapter
from training.dataset.workspace import Workspace, open_workspace

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

IDS = [[1, 300 + n, 301, 330 + 2 * n, 302] for n in range(6)]
COUNT = 10
TOKENIZER = tiny.byte_level()
# control tokens, and bytes that are no characters
NEVER = [id for id in range(408) if not (5 <= id < 405 and TOKENIZER.decode([id]).isascii())]
FAMILIES = ("llama", "mistral", "qwen2", "qwen3")


def desk_of(root: Path, base: Path) -> Workspace:
    folder = root / "personas/mara"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "persona.toml").touch()
    (folder / "card.json").write_text(json.dumps({"name": "Mara"}))
    (root / "config.toml").write_text(f'[model]\nname = "{base}"\ntemplate = "plain"\ncontext = 512\n')
    return open_workspace(config.load_config(root / "config.toml", {}), folder)


def lora(base: Path, folder: Path, **settings: Any) -> Path:
    """An adapter of a random kind, with weights that change every answer."""
    torch.manual_seed(5)
    told = {"r": 4, "lora_alpha": 8, "target_modules": list(families.SEPARATE), **settings}
    model = AutoModelForCausalLM.from_pretrained(base)
    made = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **told))
    made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=FAMILIES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Path]:
    """A persona with an adapter whose layers have ranks and scales of their own, and its base model."""
    root = tmp_path_factory.mktemp(request.param)
    base = families.save(request.param, root / "base")
    patterns = {"rank_pattern": {"q_proj": 2, "layers.1.mlp.up_proj": 8}, "alpha_pattern": {"v_proj": 3}}
    install_adapter(desk_of(root, base), lora(base, root / "run", use_rslora=True, **patterns), {})
    return desk_of(root, base), base


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
    desk, base = made
    assert desk.persona.adapter
    told = export_adapter(desk, "peft", tmp_path / "out/mara")
    assert told == f"PEFT adapter (mara: adapts 14 layers of {base}) in {tmp_path / 'out/mara'}"
    names = ["adapter_config.json", "adapter_model.safetensors", "manifest.json"]
    assert sorted(path.name for path in (tmp_path / "out/mara").iterdir()) == names
    here, there = adapted(base, desk.persona.adapter), adapted(base, tmp_path / "out/mara")
    torch.testing.assert_close(logits(there), logits(here))
    assert answers(there) != answers(AutoModelForCausalLM.from_pretrained(base))


def test_a_merged_folder_gives_the_same_logits(made: tuple[Workspace, Path], tmp_path: Path) -> None:
    desk, base = made
    assert desk.persona.adapter
    export_adapter(desk, "merged", tmp_path / "out")
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    expected = logits(adapted(base, desk.persona.adapter))
    torch.testing.assert_close(logits(merged), expected, atol=1e-4, rtol=1e-4)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    turns = [{"role": "user", "content": "Ana: hi"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) == (
        "<s>Ana: hi\n\nMara:\n"
    )
    assert tokenizer("hi there").input_ids == AutoTokenizer.from_pretrained(base)("hi there").input_ids
    assert (tmp_path / "out/manifest.json").exists()


def test_llama_cpp_answers_the_same(made: tuple[Workspace, Path], tmp_path: Path) -> None:
    desk, base = made
    assert desk.persona.adapter
    expected = answers(adapted(base, desk.persona.adapter))
    export_adapter(desk, "gguf", tmp_path / "whole.gguf", merged=True)
    assert complete(tmp_path / "whole.gguf", IDS, COUNT, never=NEVER) == expected
    plain = plain_gguf(desk, tmp_path)
    export_adapter(desk, "gguf", tmp_path / "adapter.gguf")
    assert complete(plain, IDS, COUNT, tmp_path / "adapter.gguf", NEVER) == expected
    assert complete(plain, IDS, COUNT, never=NEVER) == answers(AutoModelForCausalLM.from_pretrained(base))


def plain_gguf(desk: Workspace, folder: Path) -> Path:
    """The base model alone as a GGUF file: exported with an adapter that changes nothing."""
    assert desk.persona.adapter
    beside = Path(shutil.copytree(desk.folder.parent.parent, folder / "plain"))
    weights = beside / "personas/mara/adapter/adapter_model.safetensors"
    (beside / "personas/mara/adapter/manifest.json").unlink()
    content = weights.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    weights.write_bytes(content[:start] + bytes(len(content) - start))
    export_adapter(
        desk_of(beside, Path(desk.settings.model.name)), "gguf", folder / "plain.gguf", merged=True
    )
    return folder / "plain.gguf"


def test_a_gguf_file_is_known_as_a_copy_of_its_model(made: tuple[Workspace, Path], tmp_path: Path) -> None:
    """The norms tell it, since an adapter leaves them as they are."""
    desk, base = made
    export_adapter(desk, "gguf", tmp_path / "whole.gguf", merged=True, dtype="f16")
    here = norms_of(ModelSource("folder", "x", base))
    assert norms_of(ModelSource("gguf", "x", tmp_path / "whole.gguf")) == here
    model = AutoModelForCausalLM.from_pretrained(base)
    model.to(torch.bfloat16).to(torch.float32).save_pretrained(tmp_path / "rounded")
    assert norms_of(ModelSource("folder", "x", tmp_path / "rounded")) != here


@pytest.mark.parametrize(
    ("name", "spoilt", "fits"),
    [("", False, True), ("another/model", False, False), ("", True, False)],
)
def test_an_adapter_made_on_one_copy_is_served_on_another(
    plain: tuple[Path, Path], tmp_path: Path, name: str, spoilt: bool, fits: bool
) -> None:
    """Made on a folder of safetensors, served on a GGUF file; not on another model, whatever it is called."""
    base, adapter = plain
    home = install_adapter(desk_of(tmp_path / "first", base), adapter, {})
    whole = tmp_path / "whole.gguf"
    model = AutoModelForCausalLM.from_pretrained(base)
    if spoilt:
        with torch.no_grad():
            model.model.norm.weight[3] += 0.01
    tokenizer = AutoTokenizer.from_pretrained(base)
    write_gguf_model(whole, model, gguf_layout(model.config), "f16", "x", "", tokenizer)
    copy = ModelSource("gguf", name or str(base), whole)
    running = BaseModelIdentity(copy.name, fingerprint(copy), linear_shapes(model), copy)
    if fits:
        assert len(read_adapter("mara", home, running).pairs) == 14
    else:
        with pytest.raises(UserError, match="or the weights of that model have changed"):
            read_adapter("mara", home, running)


def test_the_metadata_of_an_adapter_are_those_that_llama_cpp_reads(
    made: tuple[Workspace, Path], tmp_path: Path
) -> None:
    desk, base = made
    export_adapter(desk, "gguf", tmp_path / "adapter.gguf", dtype="f16")
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


# What cannot be exported, and why.


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("plain")
    base = families.save("llama", root / "base")
    return base, lora(base, root / "run")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(arguments)
    caught = capsys.readouterr()
    return code, caught.out + caught.err


def test_the_command_exports_and_says_what_is_wrong(
    plain: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_of(tmp_path, plain[0])
    there = ("--config", str(tmp_path / "config.toml"), "export", "--persona", "mara", "--format")
    out = str(tmp_path / "out")
    assert run(capsys, *there, "peft", out) == (
        2,
        "training: mara has no adapter to export: `python -m training train` makes one.\n",
    )
    install_adapter(desk, plain[1], {})
    assert run(capsys, *there, "peft", "--merged", out) == (
        2,
        'training: --merged goes with --format gguf; a merged folder is "--format merged".\n',
    )
    assert run(capsys, *there, "gguf", out) == (
        0,
        f"LoRA adapter for llama.cpp (--lora, beside a GGUF file of {plain[0]}) in {out}\n",
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
    install_adapter(desk_of(tmp_path, base), lora(base, tmp_path / "run"), {})
    desk = desk_of(tmp_path, base)
    for format, merged in (("merged", False), ("gguf", True)):
        with pytest.raises(UserError, match="weights that f16 cannot hold: export with --dtype f32"):
            export_adapter(desk, format, tmp_path / "out", merged=merged, dtype="f16")  # type: ignore[arg-type]
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
    install_adapter(desk_of(tmp_path, base), lora(base, tmp_path / "run"), {})
    with pytest.raises(UserError, match=reason):
        export_adapter(desk_of(tmp_path, base), "gguf", tmp_path / "out", merged=True)
    assert not list(tmp_path.glob("out*"))


def split(pattern: str) -> Callable[[dict[str, Any]], None]:
    def change(definition: dict[str, Any]) -> None:
        steps = [{"type": "Split", "pattern": {"Regex": pattern}}, {"type": "ByteLevel", "use_regex": False}]
        definition["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}

    return change


def digits(definition: dict[str, Any]) -> None:
    steps = [{"type": "Digits", "individual_digits": True}, {"type": "ByteLevel"}]
    definition["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}


def metaspace(definition: dict[str, Any]) -> None:
    definition["pre_tokenizer"] = {"type": "Metaspace"}


def fallback(definition: dict[str, Any]) -> None:
    definition["model"]["byte_fallback"] = True


class Definition:
    """A tokenizer's definition, changed."""

    def __init__(self, tokenizer: Any, change: Callable[[dict[str, Any]], None]) -> None:
        self.bos_token_id, self.eos_token_id, self.pad_token_id = 1, 2, None
        self._tokenizer, self._definition = tokenizer, json.loads(tokenizer.backend_tokenizer.to_str())
        change(self._definition)

    @property
    def backend_tokenizer(self) -> "Definition":
        return self

    def to_str(self) -> str:
        return json.dumps(self._definition)

    def __call__(self, text: str) -> Any:
        return self._tokenizer(text)


@pytest.mark.parametrize(
    ("change", "pre"),
    [
        (lambda definition: None, "gpt-2"),
        (digits, "smollm"),
        (split(PRETOKENIZE_REGEX), "qwen2"),
        (split(PRETOKENIZE_REGEX.replace(r"\p{N}|", r"\p{N}{1,3}|")), "llama-bpe"),
        (split(".+"), None),
        (metaspace, None),
        (fallback, None),
    ],
)
def test_only_known_ways_to_split_a_text_are_written(
    plain: tuple[Path, Path], tmp_path: Path, change: Callable[[dict[str, Any]], None], pre: str | None
) -> None:
    tokenizer = Definition(AutoTokenizer.from_pretrained(plain[0]), change)
    writer = gguf.GGUFWriter(tmp_path / "x.gguf", "llama")
    if pre is None:
        with pytest.raises(UserError, match="tokenizer is not one that is written as GGUF here"):
            add_tokenizer(writer, tokenizer, 500)
        return
    add_tokenizer(writer, tokenizer, 500)
    told = {name: field.value for name, field in writer.kv_data[0].items()}
    assert told["tokenizer.ggml.pre"] == pre
    assert told["tokenizer.ggml.tokens"][:5] == ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    assert told["tokenizer.ggml.tokens"][499] == "[PAD499]"
    assert set(np.unique(told["tokenizer.ggml.token_type"])) == {1, 3, 4, 5}
