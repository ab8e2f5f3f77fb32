"""The LoRA matrices of an untrusted adapter_model.safetensors, matched with the base model's layers."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.adapter.files import WEIGHTS
from bot.engine.checkpoint.source import ModelSource
from bot.engine.lora.base_copies import CopyCheck
from bot.engine.lora.config import MAX_RANK, LoraConfig
from bot.engine.lora.layer_names import (
    FIT,
    AdaptedLayer,
    LayerMap,
    LayerPart,
    ShapeMismatch,
    map_layers,
    missing_layers,
)
from bot.engine.lora.module_names import LinearShapes
from bot.engine.lora.refusals import ADOPT, MERGE
from bot.engine.lora.tensor_header import AGAIN, FLOATS, StoredTensor, read_header
from bot.engine.lora.tensor_names import NamedTensors, name_tensors
from bot.engine.lora.tensor_reader import StoredMatrix, TensorReader, changed, read_matrices
from bot.untrusted import RefusedFile, open_regular

PICKLED, MLX = "adapter_model.bin", "adapters.safetensors"  # files of other formats

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AdapterWeights:
    """The matrices of a file, one behind the other, and the base model's layers that they change.

    `is_plain` is True where the file has these layers' own pairs and nothing else. `sha256` is the file's.
    """

    data: bytearray
    matrices: tuple[StoredMatrix, ...]
    layers: Mapping[str, AdaptedLayer]
    is_plain: bool
    sha256: str


def read_weights(
    folder: Path, config: LoraConfig, shapes: LinearShapes, source: ModelSource | None = None
) -> AdapterWeights:
    """Read the matrices of an adapter's folder; raises `RefusedFile`.

    Copies of the base model's own tensors are compared with those of its files in `source` as they are read,
    and take no memory.
    """
    _check_there(folder)
    with open_regular(folder, WEIGHTS) as file:
        header, tensors = read_header(file, os.fstat(file.fileno()).st_size)
        named, found = _match_layers(tensors, config, shapes)
        checks = {copy.tensor: CopyCheck(copy, source) for copy in named.copies}
        kept = _kept(named, found)
        reader = TensorReader(sum(tensor.end - tensor.start for tensor in kept), header)
        matrices = read_matrices(file, tensors, kept, checks, reader)
        if file.read(1):
            raise changed()
    _log_left_out(named, found)
    sha256 = reader.digest.hexdigest()
    return AdapterWeights(reader.data, matrices, found.layers, _is_plain(named, found), sha256)


def check_layers(folder: Path, config: LoraConfig, shapes: LinearShapes) -> None:
    """Match an adapter's header alone with the base model's layers; raises `RefusedFile`."""
    _check_there(folder)
    with open_regular(folder, WEIGHTS) as file:
        _match_layers(read_header(file, os.fstat(file.fileno()).st_size)[1], config, shapes)


def _match_layers(
    tensors: Sequence[StoredTensor], config: LoraConfig, shapes: LinearShapes
) -> tuple[NamedTensors, LayerMap]:
    named = name_tensors(tensors)
    found = map_layers({module: _rows(named, module) for module in named.modules}, shapes)
    _check_matrices(named, found, config, shapes)
    return named, found


def _check_there(folder: Path) -> None:
    if os.path.lexists(folder / WEIGHTS):
        return
    if os.path.lexists(folder / PICKLED):
        raise RefusedFile(f"{WEIGHTS} is missing, and the pickle {PICKLED} is never opened", ADOPT)
    if os.path.lexists(folder / MLX):
        raise RefusedFile(f"{WEIGHTS} is missing, and {MLX} is of MLX", ADOPT)
    raise RefusedFile(
        f"{WEIGHTS} is missing", "save it in safetensors format, since pickles are never opened"
    )


def _rows(named: NamedTensors, module: str) -> int:
    shape = named.halves[module, "B"].shape
    return shape[0] if shape else 0


def _check_matrices(named: NamedTensors, found: LayerMap, config: LoraConfig, shapes: LinearShapes) -> None:
    """Refuse matrices that do not fit the base model's layers and the config."""
    for layer, adapted in found.layers.items():
        for part in adapted.parts:
            _check_pair(named, layer, part, config, shapes)
        rank = sum(config.rank(part.module) for part in adapted.parts)
        if rank > MAX_RANK:
            raise RefusedFile(
                f"its pairs for parts of the base model's {layer.rpartition('.')[2]} have rank {rank} "
                f"together, more than {MAX_RANK}",
                f"train it with a smaller rank, or {MERGE}",
            )
    modules = [module for module in named.modules if module not in found.left_out]
    if config.complete and missing_layers(config, modules, shapes):
        raise RefusedFile("modules that its settings name are missing from its weights", AGAIN)


def _check_pair(
    named: NamedTensors, layer: str, part: LayerPart, config: LoraConfig, shapes: LinearShapes
) -> None:
    if not config.targets_module(part.module):
        raise RefusedFile("it holds weights for a module that its settings do not name", "export it again")
    inputs, rank = shapes[layer][1], config.rank(part.module)
    a, b = named.halves[part.module, "A"], named.halves[part.module, "B"]
    if not {a.dtype, b.dtype} <= set(FLOATS):
        raise RefusedFile("its weights are not F32, F16 or BF16", "convert it to one of these")
    if a.shape[1:] != (inputs,):
        raise ShapeMismatch("its shapes do not match the base model and its rank", FIT)
    if a.shape[0] != rank or b.shape[1:] != (rank,):
        raise RefusedFile("its shapes do not match the base model and its rank", FIT)


def _kept(named: NamedTensors, found: LayerMap) -> dict[StoredTensor, tuple[str, str]]:
    """Return the tensors of served modules with module and half."""
    left_out = set(found.left_out)
    return {tensor: key for key, tensor in named.halves.items() if key[0] not in left_out}


def _is_plain(named: NamedTensors, found: LayerMap) -> bool:
    """Return whether the file has the pairs of these layers under the names that PEFT reads, and no more."""
    own = all(adapted.is_whole(layer) for layer, adapted in found.layers.items())
    names = all(
        tensor.name == f"base_model.model.{module}.lora_{half}.weight"
        for (module, half), tensor in named.halves.items()
    )
    return own and names and not named.copies and not found.left_out


def _log_left_out(named: NamedTensors, found: LayerMap) -> None:
    if found.left_out:
        logger.warning(
            "adapter_layers_left_out", extra={"layers": len(found.left_out), "of": found.left_out[0]}
        )
    if named.copies:
        logger.info("copies_of_the_base_left_out", extra={"tensors": len(named.copies)})
