"""Adapters of the head, beside whose pair PEFT saves the base model's own weights (huggingface/peft#2092)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import psutil
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from bot.config import ModelSettings
from bot.engine.checkpoint.source import ModelSource, locate_model
from bot.engine.local.local_engine import LocalEngine
from bot.engine.lora.registry import linear_shapes, read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_executor.model_runner import ModelRunner
from bot.errors import UserError
from tests.bot.engine.lora.adapters import IDS, WEIGHTS, engine_logits, logits, text
from tests.bot.engine.lora.made_adapters import save_adapter
from tests.bot.engine.lora.spoiling import Spoil, tensors
from tests.fakes import tiny

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning"),
]

COPY = "base_model.model.lm_head.base_layer.weight"
WHOLE = "base_model.model.model.embed_tokens.weight"


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As Qwen2.5-3B: its file has no lm_head, which shares the weights of the embeddings."""
    return tiny.save_model(tmp_path_factory.mktemp("tied"), tie_word_embeddings=True)


def identity(folder: Path) -> BaseModelIdentity:
    shapes = linear_shapes(LlamaForCausalLM.from_pretrained(folder))
    return BaseModelIdentity("tiny", "0" * 64, shapes, locate_model(ModelSettings(name=str(folder))))


def head_adapter(base: Path, folder: Path, **settings: Any) -> Path:
    told = {"task_type": "CAUSAL_LM", "target_modules": ["q_proj", "lm_head"], **settings}
    return save_adapter(AutoModelForCausalLM.from_pretrained(base), folder, **told)


@pytest.fixture
def made(folder: Path, tmp_path: Path) -> Path:
    """An adapter as PEFT saves it, with its copy of the head."""
    made = head_adapter(folder, tmp_path / "made")
    assert COPY in load_file(made / WEIGHTS)
    return made


@pytest.mark.parametrize("kind", ["folder", "tied"])
def test_an_adapter_of_the_head_is_served_as_in_peft(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    base: Path = request.getfixturevalue(kind)
    made = head_adapter(base, tmp_path / "made")
    theirs = logits(PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(base), made))[0, -1]
    adapter = read_adapter("a", made, identity(base))
    assert "lm_head" in adapter.modules
    runner = ModelRunner(LlamaForCausalLM.from_pretrained(base), "tiny", 512)
    for tokens in (1, len(IDS)):
        torch.testing.assert_close(engine_logits(runner, adapter, tokens), theirs, atol=1e-4, rtol=1e-4)


async def test_it_answers_in_the_engine(engine: LocalEngine, made: Path) -> None:
    plain = await text(engine)
    await engine.add_adapter("a", made)
    assert await text(engine, "a") != plain
    assert await text(engine) == plain


GGUF = ("F32", "F16", "Q8_0", "Q4_0")


def save_gguf(file: Path, table: torch.Tensor, kind: str) -> ModelSource:
    """Write a GGUF file with a table of embeddings that is the head, too."""
    writer = gguf.GGUFWriter(file, "llama")
    quantised = gguf.GGMLQuantizationType[kind]
    data = gguf.quants.quantize(table.numpy(), quantised)
    writer.add_tensor("token_embd.weight", data, raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return ModelSource("gguf", "tiny", file)


@pytest.mark.parametrize("kind", GGUF)
@pytest.mark.parametrize("is_own", [True, False])
def test_a_copy_is_compared_with_a_gguf_file_as_far_as_it_is_quantised(
    tied: Path, tmp_path: Path, kind: str, is_own: bool
) -> None:
    model = LlamaForCausalLM.from_pretrained(tied)
    made = head_adapter(tied, tmp_path / "made")
    table = model.lm_head.weight.detach() if is_own else torch.randn(408, 64) * 0.3
    base = BaseModelIdentity(
        "tiny", "0" * 64, linear_shapes(model), save_gguf(tmp_path / "tiny.gguf", table, kind)
    )
    if is_own:
        assert read_adapter("a", made, base)
    else:
        with pytest.raises(
            UserError, match="its copy of the base model's lm_head is not that of the running"
        ):
            read_adapter("a", made, base)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_copy_in_another_dtype_is_the_same(folder: Path, made: Path, dtype: torch.dtype) -> None:
    tensors(lambda held: held.update({COPY: held[COPY].to(dtype)}))(made)
    assert read_adapter("a", made, identity(folder))


def test_a_base_in_16_bits_has_the_same_copy_in_32(tmp_path: Path) -> None:
    base = tiny.save_model(tmp_path / "base")
    made = head_adapter(base, tmp_path / "made")
    LlamaForCausalLM.from_pretrained(base, dtype=torch.bfloat16).save_pretrained(base)
    assert read_adapter("a", made, identity(base))


def test_whole_embeddings_that_were_saved_untrained_are_left_out(folder: Path, made: Path) -> None:
    """PEFT's `save_embedding_layers=True`; axolotl and others set it."""
    table = LlamaForCausalLM.from_pretrained(folder).model.embed_tokens.weight.detach().clone()
    tensors(lambda held: held.update({WHOLE: table}))(made)
    assert set(read_adapter("a", made, identity(folder)).modules) >= {"lm_head"}


def test_parts_of_a_quantised_copy_are_left_out(folder: Path, made: Path) -> None:
    """bitsandbytes has a weight packed, with its scales beside it; it was never trained."""

    def quantise(held: dict[str, torch.Tensor]) -> None:
        held[COPY] = torch.zeros(408 * 32, 1, dtype=torch.uint8)
        held[f"{COPY}.absmax"] = torch.ones(408)
        held[f"{COPY}.quant_state.bitsandbytes__nf4"] = torch.zeros(80, dtype=torch.uint8)

    tensors(quantise)(made)
    assert read_adapter("a", made, identity(folder))


def moved(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Spoil:
    return tensors(lambda held: held.update({name: change(held[name])}))


def one_number(values: torch.Tensor) -> torch.Tensor:
    values = values.clone()
    values[-1, -1] += 0.1
    return values


def added_token(values: torch.Tensor) -> torch.Tensor:
    return torch.cat([values, values[:1]])


OTHER: dict[str, tuple[Spoil, str]] = {
    "another base": (
        moved(COPY, torch.randn_like),
        "its copy of the base model's lm_head is not that of the running base model; set .model. name",
    ),
    "one number": (moved(COPY, one_number), "its copy of the base model's lm_head is not that"),
    "not a number": (moved(COPY, lambda values: values * float("nan")), "its copy of the base model's"),
    "an added token": (
        moved(COPY, added_token),
        "its lm_head has 409 rows and the base model's has 408: it was trained with another vocabulary",
    ),
    "an added token in the pair": (
        moved("base_model.model.lm_head.lora_B.weight", added_token),
        "it changes an lm_head of 409 rows and the base model's has 408: it was trained with another",
    ),
    "other sizes": (
        moved(COPY, lambda values: values[:, :1].contiguous()),
        "its copy of the base model's lm_head is not that of the running base model",
    ),
    "a trained table": (
        tensors(lambda held: held.update({WHOLE: torch.randn(408, 64)})),
        "whole layers and embeddings are not served, and its model.embed_tokens is not the base model's",
    ),
    "a table of another vocabulary": (
        tensors(lambda held: held.update({WHOLE: torch.zeros(409, 64)})),
        "its model.embed_tokens has 409 rows and the base model's has 408",
    ),
    "another whole layer": (
        tensors(lambda held: held.update({"base_model.model.model.norm.weight": torch.ones(64)})),
        "it holds a tensor that is not half of a LoRA matrix pair; whole layers",
    ),
}


@pytest.mark.parametrize("kind", OTHER)
def test_a_copy_of_something_else_is_refused(folder: Path, made: Path, kind: str) -> None:
    spoil, reason = OTHER[kind]
    spoil(made)
    with pytest.raises(UserError, match=reason):
        read_adapter("a", made, identity(folder))


def test_a_large_copy_takes_no_memory(tmp_path: Path) -> None:
    """Head and table have 100 MB each in a file, and are compared in chunks."""
    base = tiny.save_model(tmp_path / "base", vocab_size=400_000)
    made = head_adapter(base, tmp_path / "made", r=1)
    assert (made / WEIGHTS).stat().st_size > 100_000_000
    known = identity(base)
    before = psutil.Process().memory_info().rss
    adapter = read_adapter("a", made, known)
    assert psutil.Process().memory_info().rss - before < 40_000_000
    assert adapter.bytes < 3_000_000
