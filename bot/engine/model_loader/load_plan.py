"""The plan of loading a base model: its files, found or fetched, and how they become weights in memory."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.config import ModelSettings
from bot.engine.checkpoint.converted import find_converted
from bot.engine.checkpoint.gguf.gguf_file import GgufFile, open_gguf
from bot.engine.checkpoint.hub_download import download_model
from bot.engine.checkpoint.source import (
    ModelSource,
    context_length,
    locate_model,
    model_fingerprint,
)
from bot.engine.model_loader.device_check import check_device, limit_memory
from bot.engine.model_loader.gguf import Progress, convert_gguf
from bot.engine.model_loader.memory_check import check_memory
from bot.engine.model_loader.memory_plan import MemoryPlan
from bot.engine.model_loader.packed.choice import choose_layout, read_folder_config, stays_packed
from bot.engine.model_loader.packed.folder_weights import FolderWeights
from bot.engine.model_loader.packed.gguf_weights import GgufWeights
from bot.engine.model_loader.packed.weights import PackedWeights, describe_bits
from bot.engine.model_loader.quantization import (
    Precision,
    best_device,
    chosen_precision,
    stored_precision,
)
from bot.engine.model_loader.weight_check import check_sizes
from bot.engine.runtime.environment import prepare_environment
from bot.engine.tokenizer.files import read_tokenizer
from bot.engine.tokenizer.gguf_tokenizer import read_gguf_tokenizer
from bot.engine.tokenizer.tokenizer import HFTokenizer


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """A base model whose files are on this machine, and the precision and device to load it in.

    `packed`: the weights that are served packed, in which case the precision is that of plain numbers for a
    GGUF file, which is served as it lies, and that of the layers for a folder.
    """

    source: ModelSource
    fingerprint: str  # SHA-256, see `model_fingerprint`
    precision: Precision
    device: str
    converted: Path | None = None  # the safetensors copy of a GGUF file, in this precision
    memory: MemoryPlan | None = None  # on a CPU, where its files tell
    packed: PackedWeights | None = None

    @property
    def gguf(self) -> GgufFile | None:
        """The GGUF file that is served as it lies."""
        return self.packed.file if isinstance(self.packed, GgufWeights) else None

    @property
    def folder(self) -> Path:
        """The folder of config.json and weights."""
        assert self.source.path is not None
        return self.converted or self.source.path

    @property
    def weights_text(self) -> str:
        """The bits of the weights, for people: "nf4", or "4.9 bits (Q4_K, Q6_K)"."""
        if self.packed is None:
            return self.precision
        return describe_bits(self.packed.sizes)

    def read_tokenizer(self) -> HFTokenizer:
        """Return the model's tokenizer; raises `UserError` for a damaged one."""
        if self.gguf is not None:
            return read_gguf_tokenizer(self.gguf.vocabulary)
        return read_tokenizer(self.folder)

    def read_config(self) -> Any:
        """Return the model's configuration; raises `UserError` where it names weights, also by an alias."""
        if self.packed is not None:
            return self.packed.config
        return read_folder_config(self.folder, self.source.name)

    def context_length(self, wanted: int) -> int:
        """Return the context in tokens: the wanted one, or less where the model has less."""
        if self.gguf is None:
            return context_length(self.folder, wanted)
        return min(wanted, int(self.gguf.config["max_position_embeddings"]))


def plan_load(
    settings: ModelSettings, data: Path, progress: Progress, *, serves_packed: bool = False
) -> LoadPlan:
    """Find the model or fetch it from the hub; raises `UserError`.

    `serves_packed`: a GGUF file is served on a CPU as it lies, unless the settings name a precision, and a
    folder in nf4 or int8 is packed when its weights are loaded. Else a GGUF file is converted once. `data` is
    the folder of copies; `progress` is called with the stages.
    """
    prepare_environment()
    source = locate_model(settings)
    if source.kind == "hub":
        progress("fetching the base model (once)")
        source = download_model(source, progress)
    assert source.path is not None
    device = settings.device if settings.device != "auto" else best_device()
    check_device(device)
    limit_memory(device)
    if serves_packed and stays_packed(source, settings, device):
        memory = check_memory(source, settings)
        packed = GgufWeights(open_gguf(source.path))
        return LoadPlan(source, model_fingerprint(source), "fp32", device, memory=memory, packed=packed)
    plan = _plain_plan(source, settings, device, data, progress)
    return _with_packed(plan, settings, data, progress) if serves_packed else plan


def describe_weights(source: ModelSource, settings: ModelSettings) -> str:
    """Return how the weights of a model on this machine are held; raises `UserError` for a damaged file."""
    device = settings.device if settings.device != "auto" else best_device()
    if source.path is not None and stays_packed(source, settings, device):
        return describe_bits(GgufWeights(open_gguf(source.path)).sizes)
    precision = _precision_of(source, settings, device)
    layout = choose_layout(source, settings, precision, device)
    return precision if layout is None else describe_bits(layout.sizes)


def _precision_of(source: ModelSource, settings: ModelSettings, device: str) -> Precision:
    """Return the precision of a folder's stored weights, else that of the settings or the best one."""
    chosen = chosen_precision(source, settings, device)
    return (stored_precision(source, settings) if source.kind == "folder" else None) or chosen


def _with_packed(plan: LoadPlan, settings: ModelSettings, data: Path, progress: Progress) -> LoadPlan:
    """Return the plan of a folder with its weights packed, where they can be on this device."""
    layout = choose_layout(plan.source, settings, plan.precision, plan.device)
    if layout is None:
        return plan
    config, models = plan.read_config(), data / "models"
    packed = FolderWeights(config, layout, plan.fingerprint, plan.precision, models, progress)
    return replace(plan, packed=packed)


def _plain_plan(
    source: ModelSource, settings: ModelSettings, device: str, data: Path, progress: Progress
) -> LoadPlan:
    assert source.path is not None
    precision = _precision_of(source, settings, device)
    plan = LoadPlan(source, model_fingerprint(source), precision, device)
    if source.kind == "folder":
        check_sizes(plan.read_config(), plan.folder)
    plan = replace(plan, memory=check_memory(source, settings) if device == "cpu" else None)
    if source.kind == "folder":
        return plan
    models = data / "models"
    converted = find_converted(models, plan.fingerprint, precision) or convert_gguf(
        source.path, plan.fingerprint, precision, device, models, progress
    )
    return replace(plan, converted=converted)
