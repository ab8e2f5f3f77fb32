"""The readers under fuzz: each takes the bytes of one input, and raises only refusals with a reason."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file

from bot.adapter.files import CONFIG, MANIFEST
from bot.adapter.manifest import read_manifest
from bot.engine.checkpoint.folder_model import read_model_header
from bot.engine.checkpoint.gguf.gguf_file import open_gguf
from bot.engine.checkpoint.norm_fingerprint import norm_fingerprint
from bot.engine.checkpoint.source import ModelSource
from bot.engine.checkpoint.weight_files import INDEX, weight_files
from bot.engine.lora.config import parse_config
from bot.engine.lora.weights import read_weights
from bot.engine.tokenizer.gguf_tokenizer import read_gguf_tokenizer
from bot.errors import UserError
from bot.message import Author, Message, Place
from bot.persona.card import read_card
from bot.persona.card_file import decode_card
from bot.persona.macros import expand_macros
from bot.persona.persona import Persona
from bot.platforms.telegram.events import BotAccount
from bot.platforms.telegram.translate import UnreadableUpdate, parse_update
from bot.prompt.chat_template import BUILT_IN_TEMPLATES, open_chat_template
from bot.prompt.example_dialogue import dialogue_turns
from bot.prompt.lore import said_entries, select_lore
from bot.untrusted import RefusedFile, parse_json, read_json
from tests.bot.engine.checkpoint.gguf.variants import make_model
from tests.fakes.gguf_models import write_model
from tests.fakes.model import ByteTokenizer
from tests.fuzz.gateway import GATEWAY_SEEDS, hear_events
from tests.paths import EXPORTS, ROOT
from training.importers import registry
from training.importers.reading.import_log import ImportLog

SEEDS, FINDINGS = Path(__file__).parent / "seeds", Path(__file__).parent / "findings"
LORA = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"], "bias": "none"}
ANY_LAYERS = LORA | {"target_modules": ".*", "alpha_pattern": {r".*layers\.[0-9]+\.(mlp|self_attn)\..*": 3}}
SHAPES = {"model.layers.0.self_attn.q_proj": (4, 4)}
MORE_SHAPES = {"model.layers.1.self_attn.qkv_proj": (8, 4), "model.vision_tower.q_proj": (4, 4)}
MORE_SHAPES |= SHAPES | {"lm_head": (6, 4)}
MORE_PAIRS = {
    "base_model.model.language_model.model.layers.0.self_attn.q_proj": (4, 4),
    "base_model.model.model.layers.1.self_attn.q_proj": (4, 4),
    "base_model.model.model.layers.1.self_attn.v_proj": (2, 4),
    "base_model.model.model.vision_tower.q_proj": (4, 4),
    "base_model.model.lm_head": (6, 4),
}
KEY = "base_model.model.model.layers.0.self_attn.q_proj.lora_"


@dataclass(frozen=True)
class Target:
    """A reader. `run` gets an input and an empty folder; `refusals` are how it may refuse."""

    run: Callable[[bytes, Path], object]
    seeds: Callable[[], Sequence[bytes]]
    refusals: tuple[type[Exception], ...] = (UserError, RefusedFile)
    slow: bool = False  # seconds for one input

    def check(self, data: bytes) -> None:
        """Run one input; an error that is no refusal, or a refusal without a reason, is a finding."""
        with TemporaryDirectory() as name:
            try:
                self.run(data, Path(name))
            except self.refusals as refusal:
                reason = str(refusal).strip()
            else:
                return
        assert reason, "a refusal without a reason"


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UserError("no text") from None


def _card(data: bytes, folder: Path) -> None:
    try:
        card = read_card(decode_card(data))
    except UnicodeDecodeError:
        raise UserError("no text") from None
    persona, scene = Persona("p", card), card.scene("Ana", time=0.0)
    for words in (card.description, card.first_mes, card.mes_example, *card.alternate_greetings):
        expand_macros(words, scene)
    for block in card.examples:
        assert all(turn.parts[0].text for turn in dialogue_turns(block, persona, scene))
    said = Message(Place("a", "b", "c"), "1", Author("1", "Ana"), card.description[:4000], 0.0)
    select_lore(said_entries(persona.lore.entries, [said]), scene, ByteTokenizer(), 1000)
    shown = [str(persona.lore), persona.warning, *card.unused]
    assert "\x00" not in "".join(shown)


def _template(data: bytes, folder: Path) -> None:
    open_chat_template(_text(data), {"bos_token": "<s>", "eos_token": "</s>"}, "Mara")


def _update(data: bytes, folder: Path) -> None:
    try:
        update = parse_json(data, "update")
    except RefusedFile:
        return
    parse_update(update, BotAccount(9, "lamp_bot"))


def _weights(data: bytes, folder: Path) -> None:
    (folder / "adapter_model.safetensors").write_bytes(data)
    read_weights(folder, parse_config(LORA), SHAPES)


def _many_weights(data: bytes, folder: Path) -> None:
    """Wrapped and fused layers, and a copy of the base model's head."""
    (folder / "adapter_model.safetensors").write_bytes(data)
    save_file({"lm_head.weight": torch.zeros(6, 4)}, folder / "model.safetensors")
    config, base = parse_config(ANY_LAYERS), ModelSource("folder", "tiny", folder)
    (folder / "config.json").write_text("{}")
    read_weights(folder, config, MORE_SHAPES, base)


def _adapter_config(data: bytes, folder: Path) -> None:
    (folder / CONFIG).write_bytes(data)
    parse_config(read_json(folder, CONFIG, 1 << 20))


def _manifest(data: bytes, folder: Path) -> None:
    (folder / MANIFEST).write_bytes(data)
    read_manifest(folder)


def _index(data: bytes, folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    (folder / "a.safetensors").write_bytes(b"")
    (folder / INDEX).write_bytes(data)
    weight_files(folder)


def _norms(data: bytes, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(data)
    norm_fingerprint(ModelSource("folder", "model", folder))


def _gguf(data: bytes, folder: Path) -> None:
    (folder / "model.gguf").write_bytes(data)
    with suppress(UserError):
        read_model_header(folder / "model.gguf")
    norm_fingerprint(ModelSource("gguf", "model", folder / "model.gguf"))
    read_gguf_tokenizer(open_gguf(folder / "model.gguf").vocabulary)


def _export(data: bytes, folder: Path) -> None:
    """Read a file by its first line, which names it; importers choose by name and by content."""
    name, _, content = data.partition(b"\n")
    path = folder / (Path(name.decode("utf-8", "replace").replace("\x00", "")).name[:50] or "export")
    path.write_bytes(content)
    log = ImportLog(dates="day")
    for export in registry.find_exports(path):
        for _ in export.read(log):
            pass


def _export_seeds() -> list[bytes]:
    files = sorted(each for each in EXPORTS.rglob("*") if each.is_file() and each.stat().st_size < 50_000)
    named = [each.name.encode() + b"\n" + each.read_bytes() for each in files if "scrub" not in each.parts]
    return [each for each in named if b"expected" not in each[:80]]


def _kept(kind: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((SEEDS / kind).iterdir())]


@cache
def _safetensors() -> tuple[bytes, ...]:
    with TemporaryDirectory() as name:
        file = Path(name) / "a.safetensors"
        save_file({f"{KEY}A.weight": torch.zeros(2, 4), f"{KEY}B.weight": torch.zeros(4, 2)}, file)
        return (file.read_bytes(),)


@cache
def _gguf_model() -> bytes:
    with TemporaryDirectory() as name:
        return write_model(Path(name) / "model.gguf", make_model("llama-llama3")).read_bytes()


def _many_tensors() -> tuple[bytes, ...]:
    held = {"base_model.model.lm_head.base_layer.weight": torch.zeros(6, 4)}
    for name, (out, inner) in MORE_PAIRS.items():
        held |= {f"{name}.lora_A.weight": torch.zeros(2, inner), f"{name}.lora_B.weight": torch.zeros(out, 2)}
    with TemporaryDirectory() as name:
        file = Path(name) / "a.safetensors"
        save_file(held, file)
        return (file.read_bytes(),)


def _cards() -> list[bytes]:
    return [*_kept("card"), *(each.read_bytes() for each in sorted((ROOT / "personas").glob("*/card.json")))]


def _texts(*values: object) -> Callable[[], list[bytes]]:
    return lambda: [json.dumps(value).encode() for value in values]


TARGETS = {
    "card": Target(_card, _cards),
    "template": Target(_template, lambda: [each.encode() for each in BUILT_IN_TEMPLATES.values()]),
    "update": Target(_update, lambda: _kept("update"), (UnreadableUpdate,)),
    "gateway": Target(hear_events, lambda: GATEWAY_SEEDS, (), slow=True),
    "weights": Target(_weights, _safetensors),
    "many_weights": Target(_many_weights, _many_tensors),
    "adapter_config": Target(_adapter_config, _texts(LORA, ANY_LAYERS)),
    "manifest": Target(_manifest, lambda: _kept("manifest")),
    "index": Target(_index, _texts({"metadata": {}, "weight_map": {"a": "a.safetensors"}})),
    "norms": Target(_norms, _safetensors),
    "gguf": Target(_gguf, lambda: [*_kept("gguf"), _gguf_model()]),
    "export": Target(_export, _export_seeds),
}
