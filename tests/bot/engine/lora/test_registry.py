"""Adapters do what PEFT does, and a folder that means ill is refused without being opened by any library."""

import asyncio
import hashlib
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from bot.config import ModelSettings
from bot.engine.attention.forward_batch import ForwardBatch, TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.interface import Request
from bot.engine.local.local_engine import LocalEngine
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.registry import linear_shapes, read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_executor.model_runner import ModelRunner
from bot.errors import UserError
from bot.persona.persona import Sampling
from tests.fakes import tiny

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

GREEDY = Sampling(temperature=0, repetition_penalty=1.0, max_tokens=16)
IDS = (1, 300, 301, 302, 303)
CONFIG, WEIGHTS, MANIFEST = "adapter_config.json", "adapter_model.safetensors", "manifest.json"
PREFIX = "base_model.model.model.layers.0.self_attn.q_proj.lora_"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_adapter(tmp_path_factory.mktemp("adapter"), folder)


@pytest.fixture
def mine(adapter: Path, tmp_path: Path) -> Path:
    """A copy of the good adapter, to spoil."""
    return Path(shutil.copytree(adapter, tmp_path / "mine"))


@pytest.fixture
async def engine(folder: Path, tmp_path: Path) -> AsyncIterator[LocalEngine]:
    async with LocalEngine(
        ModelSettings(name=str(folder), precision="fp32", threads=1), tmp_path / "data"
    ) as engine:
        await engine.ready()
        yield engine


async def text(engine: LocalEngine, adapter: str | None = None, strength: float = 1.0) -> str:
    stop_ids = frozenset({100_000})
    generation = engine.generate(Request(IDS, GREEDY, adapter=adapter, strength=strength, stop_ids=stop_ids))
    return "".join([piece.text async for piece in generation])


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(torch.tensor([IDS])).logits
    return found


def ours(
    decoder: ModelRunner, known: LoadedAdapter | None, tokens: int, strength: float = 1.0
) -> torch.Tensor:
    """The logits behind the last id, the prompt read in steps of so many tokens."""
    (row,) = KVCache(1 << 30).enter(len(IDS)) or ()
    if known is not None:
        decoder.active_adapters.enter(known)
    for start in range(0, len(IDS), tokens):
        ids = IDS[start : start + tokens]
        step = ForwardBatch(
            [TokenSpan(row, ids, decoder.active_adapters.bay(known), strength)], decoder.device
        )
        found = decoder.forward(step)[0]
        step.advance()
    if known is not None:
        decoder.active_adapters.leave(known)
    return found


def base_of(model: torch.nn.Module) -> BaseModelIdentity:
    return BaseModelIdentity("tiny", "0" * 64, linear_shapes(model))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"r": 1, "lora_alpha": 1},
        {"use_rslora": True},
        {"target_modules": "all-linear"},
        {"target_modules": ["k_proj", "gate_proj"]},
        {"rank_pattern": {"q_proj": 8}, "alpha_pattern": {"layers.1.self_attn.v_proj": 2}},
        {"layers_to_transform": [1]},
        {"exclude_modules": ["layers.0.self_attn.q_proj"]},
        {"lora_dropout": 0.5},
    ],
)
def test_an_adapter_does_what_peft_does(folder: Path, tmp_path: Path, config: dict[str, Any]) -> None:
    made = tiny.save_adapter(tmp_path / "adapter", folder, **config)
    theirs = logits(PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(folder), made))
    model = LlamaForCausalLM.from_pretrained(folder)
    plain, known = logits(model), read_adapter("a", made, base_of(model))
    decoder = ModelRunner(model, "tiny", 512)
    for tokens in (1, len(IDS)):
        torch.testing.assert_close(ours(decoder, known, tokens), theirs[0, -1], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(ours(decoder, None, tokens), plain[0, -1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("tokens", [1, len(IDS)])
def test_strength_scales_an_adapter(folder: Path, adapter: Path, strength: float, tokens: int) -> None:
    theirs = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(folder), adapter)
    for layer in theirs.modules():
        if hasattr(layer, "scale_layer"):
            layer.scale_layer(strength)
    model = LlamaForCausalLM.from_pretrained(folder)
    known = read_adapter("a", adapter, base_of(model))
    mine = ours(ModelRunner(model, "tiny", 512), known, tokens, strength)
    torch.testing.assert_close(mine, logits(theirs)[0, -1], atol=1e-4, rtol=1e-4)


@pytest.mark.skipif(torch.get_num_threads() == 1, reason="one core has no helpers")
def test_reading_a_large_adapter_starts_no_threads_that_would_slow_the_engine(tmp_path: Path) -> None:
    wide = tiny.save_model(tmp_path / "base", intermediate_size=1024)
    large = tiny.save_adapter(tmp_path / "adapter", wide, r=256)
    base = base_of(LlamaForCausalLM.from_pretrained(wide))
    torch.ones(1 << 20).isfinite()  # this thread has its helpers

    def read() -> int:
        before = psutil.Process().num_threads()
        assert read_adapter("a", large, base).pairs
        return psutil.Process().num_threads() - before

    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(read).result() <= 0  # an engine's thread of another test may end meanwhile


@pytest.mark.parametrize("precision", ["nf4", "int8", "bf16"])
async def test_an_adapter_works_on_every_kind_of_base(
    folder: Path, adapter: Path, tmp_path: Path, precision: str
) -> None:
    settings = ModelSettings.model_validate({"name": str(folder), "precision": precision, "threads": 1})
    async with LocalEngine(settings, tmp_path) as engine:
        plain = await text(engine)
        await engine.add_adapter("a", adapter)
        assert await text(engine, "a") != plain
        assert await text(engine) == plain


async def test_each_request_chooses_its_adapter(engine: LocalEngine, folder: Path, tmp_path: Path) -> None:
    plain = await text(engine)
    alone = {}
    for seed in (1, 2):
        await engine.add_adapter(f"a{seed}", tiny.save_adapter(tmp_path / f"a{seed}", folder, seed))
        alone[f"a{seed}"] = await text(engine, f"a{seed}")
    assert len({plain, *alone.values()}) == 3
    names = ["a2", "a1", None, "a2", None, "a1"]
    got = await asyncio.gather(*(text(engine, name) for name in names))
    assert got == [alone[name] if name else plain for name in names]
    assert await text(engine, "a1", strength=0) == plain


async def test_an_adapter_is_replaced_and_dropped(engine: LocalEngine, folder: Path, tmp_path: Path) -> None:
    one, other = (tiny.save_adapter(tmp_path / str(seed), folder, seed) for seed in (1, 2))
    await engine.add_adapter("a", one)
    before = await text(engine, "a")
    await engine.add_adapter("a", other)
    assert await text(engine, "a") != before
    assert engine.status().adapters == ("a",)
    await engine.drop_adapter("a")
    assert engine.status().adapters == ()
    with pytest.raises(UserError, match='no adapter "a"'):
        await text(engine, "a")


async def test_adapters_come_and_go_while_an_answer_is_made(engine: LocalEngine, adapter: Path) -> None:
    sampling = GREEDY.model_copy(update={"max_tokens": 300})
    request = Request(IDS, sampling, stop_ids=frozenset({100_000}))
    alone = "".join([piece.text async for piece in engine.generate(request)])
    generation = engine.generate(request)
    got = (await anext(generation)).text
    await engine.add_adapter("a", adapter)
    assert engine.status().running == 1
    await engine.drop_adapter("a")
    assert got + "".join([piece.text async for piece in generation]) == alone


async def test_a_refused_adapter_leaves_the_old_one(engine: LocalEngine, adapter: Path, mine: Path) -> None:
    await engine.add_adapter("a", adapter)
    before = await text(engine, "a")
    (mine / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(UserError, match='"a" was not loaded'):
        await engine.add_adapter("a", mine)
    assert await text(engine, "a") == before


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


# What follows spoils a good adapter, one way at a time.

Spoil = Callable[[Path], None]


def edit(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | changes))


def setting(**changes: Any) -> Spoil:
    return lambda folder: edit(folder, **changes)


def config_text(content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / CONFIG).write_bytes(content)

    return spoil


def weights(content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(content)

    return spoil


def header(change: Callable[[dict[str, Any]], None], tail: bytes = b"") -> Spoil:
    """Change the header of the weights and leave the data as it is."""

    def spoil(folder: Path) -> None:
        content = (folder / WEIGHTS).read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        entries = json.loads(content[8:start])
        change(entries)
        text = json.dumps(entries).encode()
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + content[start:] + tail)

    return spoil


def raw_header(change: Callable[[bytes], bytes]) -> Spoil:
    def spoil(folder: Path) -> None:
        content = (folder / WEIGHTS).read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        text = change(content[8:start])
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + content[start:])

    return spoil


def tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Spoil:
    def spoil(folder: Path) -> None:
        held = load_file(folder / WEIGHTS)
        change(held)
        save_file(held, folder / WEIGHTS)

    return spoil


def entry(key: str, value: Any) -> Spoil:
    return header(lambda entries: entries[f"{PREFIX}A.weight"].update({key: value}))


def filled(value: float) -> Spoil:
    return tensors(lambda held: held[f"{PREFIX}B.weight"].__setitem__((0, 0), value))


def reshaped(*shape: int) -> Spoil:
    return tensors(lambda held: held.update({f"{PREFIX}A.weight": torch.zeros(shape)}))


def replaced(name: str, make: Callable[[Path], None]) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return spoil


def linked(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        outside = folder.parent / f"outside-{name}"
        (folder / name).rename(outside)
        (folder / name).symlink_to(outside)

    return spoil


def pickled(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(Canary(folder.parent / "canary")))


def pickle_in_disguise(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(pickle.dumps(Canary(folder.parent / "canary")))


def zip_in_disguise(folder: Path) -> None:
    with zipfile.ZipFile(folder / WEIGHTS, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Canary(folder.parent / "canary")))


def sparse(name: str, size: int) -> Spoil:
    def spoil(folder: Path) -> None:
        with (folder / name).open("r+b") as file:
            file.truncate(size)

    return spoil


def manifest(content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / MANIFEST).write_bytes(content)

    return spoil


def swap_halves(held: dict[str, torch.Tensor]) -> None:
    a, b = f"{PREFIX}A.weight", f"{PREFIX}B.weight"
    held[a], held[b] = held[b], held[a]


class Canary:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


MODULE = {"base_model_class": "Canary", "parent_library": "canary_module"}
HOSTILE: dict[str, Spoil] = {
    # settings that run code, reach elsewhere or change what is adapted
    "auto_mapping": setting(auto_mapping=MODULE),
    "megatron_core": setting(megatron_core="canary_module"),
    "megatron_config": setting(megatron_config={"tensor_model_parallel_size": 1}),
    "trust_remote_code": setting(trust_remote_code=True),
    "tokenizer kwargs": setting(tokenizer_kwargs={"trust_remote_code": True}),
    "unknown key": setting(something_new=1),
    "unknown key with markup": setting(**{"\x1b[31m": 1}),
    "not a LoRA": setting(peft_type="PROMPT_TUNING"),
    "peft_type a list": setting(peft_type=["LORA"]),
    "another task": setting(task_type="SEQ_CLS"),
    "DoRA": setting(use_dora=True),
    "biases": setting(bias="all"),
    "lora_bias": setting(lora_bias=True),
    "whole modules": setting(modules_to_save=["lm_head"]),
    "new token rows": setting(trainable_token_indices=[1]),
    "parameters": setting(target_parameters=["model.layers.0.mlp"]),
    "layers copied": setting(layer_replication=[[0, 2]]),
    "activated LoRA": setting(alora_invocation_tokens=[1]),
    "QALoRA": setting(use_qalora=True),
    "PiSSA": setting(init_lora_weights="pissa_niter_4"),
    "LoftQ": setting(loftq_config={"loftq_bits": 4}),
    "rank 257": setting(r=257),
    "rank 0": setting(r=0),
    "rank -1": setting(r=-1),
    "rank true": setting(r=True),
    "rank a float": setting(r=4.0),
    "rank a text": setting(r="4"),
    "rank not that of the weights": setting(r=5),
    "rank pattern not that of the weights": setting(rank_pattern={"q_proj": 2}),
    "rank pattern a regex": setting(rank_pattern={"^(a+)+$": 4}),
    "rank pattern a list": setting(rank_pattern=[4]),
    "alpha pattern a regex": setting(alpha_pattern={".*": 4}),
    "alpha 0": setting(lora_alpha=0),
    "alpha a text": setting(lora_alpha="16"),
    "alpha huge": setting(lora_alpha=1e9),
    "rslora a number": setting(use_rslora=2),
    "targets a slow regex": setting(target_modules="(a+)+$"),
    "targets a list of regexes": setting(target_modules=[".*q_proj"]),
    "targets nothing": setting(target_modules=None),
    "targets numbers": setting(target_modules=[1]),
    "targets too few": setting(target_modules=["q_proj"]),
    "targets without weights": setting(target_modules=["q_proj", "v_proj", "down_proj", "k_proj"]),
    "excluded by a regex": setting(exclude_modules="(a+)+$"),
    "layers pattern": setting(layers_pattern="(a+)+$"),
    "layers by text": setting(layers_to_transform="all"),
    # a settings file that is none
    "config empty": config_text(b""),
    "config truncated": config_text(b'{"peft_type": "LORA", '),
    "config a list": config_text(b"[]"),
    "config twice the same key": config_text(b'{"peft_type": "LORA", "peft_type": "LORA"}'),
    "config with NaN": config_text(b'{"peft_type": "LORA", "lora_alpha": NaN}'),
    "config with infinity": config_text(b'{"peft_type": "LORA", "lora_alpha": 1e999}'),
    "config with a huge number": config_text(b'{"peft_type": "LORA", "r": ' + b"9" * 10_000 + b"}"),
    "config too deep": config_text(b"[" * 60_000),
    "config not UTF-8": config_text(b'{"peft_type": "\xff"}'),
    "config of 50 MB": config_text(b'{"a": "' + b"x" * 50_000_000 + b'"}'),
    "config sparse": sparse(CONFIG, 1 << 40),
    "config a pipe": replaced(CONFIG, os.mkfifo),
    "config a folder": replaced(CONFIG, Path.mkdir),
    "config elsewhere": linked(CONFIG),
    "config missing": replaced(CONFIG, lambda path: None),
    # weights that are none
    "weights pickled": pickled,
    "weights a pickle": pickle_in_disguise,
    "weights a zip": zip_in_disguise,
    "weights empty": weights(b""),
    "weights seven bytes": weights(b"\0" * 7),
    "weights no header": weights(b"\0" * 8),
    "weights header of 2^63": weights(struct.pack("<Q", 1 << 63) + b"{}"),
    "weights header of 2^64-1": weights(b"\xff" * 8 + b"{}"),
    "weights header past the end": weights(struct.pack("<Q", 1000) + b"{}"),
    "weights header of 100 MB": weights(struct.pack("<Q", 100_000_000) + b"{" + b" " * 99_999_998 + b"}"),
    "weights header no JSON": raw_header(lambda text: b"x" + text),
    "weights header a list": raw_header(lambda text: b"[" + text + b"]"),
    "weights header too deep": raw_header(lambda text: b"[" * 200_000),
    "weights header not UTF-8": raw_header(lambda text: b'{"\xff": 1}'),
    "weights header twice the same key": raw_header(lambda text: text[:-1] + b"," + text[1:]),
    "weights header empty": raw_header(lambda text: b"{}"),
    "weights metadata not text": header(lambda entries: entries.update(__metadata__={"a": [1]})),
    "weights a pipe": replaced(WEIGHTS, os.mkfifo),
    "weights a device": replaced(WEIGHTS, lambda path: path.symlink_to("/dev/zero")),
    "weights elsewhere": linked(WEIGHTS),
    "weights missing": replaced(WEIGHTS, lambda path: None),
    "weights truncated": lambda folder: os.truncate(folder / WEIGHTS, 2_000),
    "weights with a tail": header(lambda entries: None, tail=b"\0" * 64),
    "weights sparse": sparse(WEIGHTS, 1 << 40),
    # tensors that do not fit
    "dtype F64": entry("dtype", "F64"),
    "dtype I8": entry("dtype", "I8"),
    "dtype a list": entry("dtype", []),
    "entry without a shape": header(lambda entries: entries[f"{PREFIX}A.weight"].pop("shape")),
    "entry with more": entry("more", 1),
    "entry a number": header(lambda entries: entries.update({f"{PREFIX}A.weight": 1})),
    "shape negative": entry("shape", [-4, -64]),
    "shape of zero": entry("shape", [0, 64]),
    "shape huge": entry("shape", [1 << 62, 4]),
    "shape floats": entry("shape", [4.0, 64.0]),
    "shape of booleans": entry("shape", [True, True]),
    "shape a number": entry("shape", 256),
    "shape of three": reshaped(4, 8, 8),
    "shape of another model": reshaped(4, 128),
    "shape of another rank": reshaped(8, 64),
    "offsets backwards": entry("data_offsets", [1024, 0]),
    "offsets negative": entry("data_offsets", [-1024, 0]),
    "offsets past the end": entry("data_offsets", [1 << 30, (1 << 30) + 1024]),
    "offsets overlapping": entry("data_offsets", [16, 1040]),
    "offsets three": entry("data_offsets", [0, 1024, 2048]),
    "NaN": filled(float("nan")),
    "infinity": filled(float("inf")),
    "minus infinity": filled(float("-inf")),
    "halves swapped": tensors(swap_halves),
    "half missing": tensors(lambda held: held.pop(f"{PREFIX}A.weight")),
    "module missing": tensors(lambda held: [held.pop(f"{PREFIX}{half}.weight") for half in "AB"]),
    "tensor of the base": tensors(lambda held: held.update({"model.embed_tokens.weight": torch.zeros(2, 2)})),
    "tensor without a prefix": tensors(lambda held: held.update({"lora_A.weight": torch.zeros(4, 64)})),
    "tensor of an embedding": tensors(
        lambda held: held.update({"base_model.model.model.embed_tokens.lora_embedding_A": torch.zeros(4, 9)})
    ),
    "tensor of DoRA": tensors(lambda held: held.update({f"{PREFIX}magnitude_vector": torch.zeros(64)})),
    "tensor for no module": tensors(
        lambda held: [held.update({f"base_model.model.x.lora_{half}.weight": torch.ones(4)}) for half in "AB"]
    ),
    "tensor with a path": tensors(
        lambda held: held.update({"base_model.model.../../q_proj.lora_A.weight": torch.zeros(4, 64)})
    ),
    # a manifest that says otherwise
    "manifest no JSON": manifest(b"{"),
    "manifest a list": manifest(b"[]"),
    "manifest of 5 MB": manifest(b'{"a": "' + b"x" * 5_000_000 + b'"}'),
    "manifest of another base": manifest(b'{"base_model": "another/model"}'),
    "manifest of another hash": manifest(b'{"base_hash": "abc"}'),
    "manifest with numbers": manifest(b'{"base_hash": 1, "base_model": 2}'),
    "manifest of other weights": manifest(b'{"adapter_sha256": "abc"}'),
    "manifest a pipe": lambda folder: os.mkfifo(folder / MANIFEST),
}  # fmt: skip


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that exists once something ran; also by the import of `canary_module`."""
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
