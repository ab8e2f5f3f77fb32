"""The layout of a folder's weights once they are packed: which of its tensors become blocks of which type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import nn
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING

from bot.engine.checkpoint.damage import explained_damage
from bot.engine.kernels.matmul import linear_size
from bot.engine.lora.registry import linear_layers
from bot.engine.model_loader.packed.finding import Stored, find_matrix, find_plain
from bot.engine.model_loader.packed.stored_matrix import StoredMatrix
from bot.engine.model_loader.packed.stored_tensor import StoredTensor, stored_tensors_of
from bot.engine.model_loader.packed.weights import MatrixSize
from bot.engine.model_loader.packed_model import empty_model
from bot.engine.quantization.packed_matrix import packed_row_bytes
from bot.untrusted import RefusedFile

# Of embedding and output head. In SmolLM2-135M, Q8_0 there moves the logits by 0.4% of how much they vary,
# codes of bitsandbytes' int8, a scale for each row, by 2.8%; NF4 by 38%, as much as in all layers.
TABLE_TYPE = "Q8_0"
_Found = TypeVar("_Found")
_LAYER_TYPES = {"nf4": "NF4", "int8": "Q8_0"}


@dataclass(frozen=True, slots=True, eq=False)
class FolderLayout:
    """The tensors of a folder by the names of the model's parameters: those to pack, and those kept plain."""

    matrices: Mapping[str, StoredMatrix]
    plain: Mapping[str, StoredTensor]

    @property
    def sizes(self) -> Iterator[MatrixSize]:
        """The sizes of all matrices, packed."""
        for matrix in self.matrices.values():
            rows, columns = matrix.shape
            size = rows * packed_row_bytes(columns, matrix.type_name)
            yield MatrixSize(matrix.type_name, rows * columns, size)


def plan_layout(folder: Path, config: Any, precision: str) -> FolderLayout | None:
    """Plan how a folder is packed in nf4 or int8, from the headers of its files.

    Returns None where its tensors are not the model's parameters one to one (wrappers of models that see,
    experts in one tensor), or a matrix has columns that fill no whole blocks. Raises `UserError` for a model
    that transformers cannot make.
    """
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        return None
    with explained_damage(str(folder / "config.json")):
        model = empty_model(config, str(folder))
    try:
        return _layout_of(model, stored_tensors_of(folder), _LAYER_TYPES[precision])
    except RefusedFile:
        return None


def _layout_of(model: Any, stored: Stored, layer_type: str) -> FolderLayout | None:
    wanted = _wanted_shapes(model, stored)
    tables = {*_paths_of(model, model.get_input_embeddings(), model.get_output_embeddings())}
    paths = {name: name.removesuffix(".weight") for name in wanted if name.endswith(".weight")}
    chosen = {name: path for name, path in paths.items() if path in {*tables, *linear_layers(model)}}
    matrices = {
        name: _find(stored, name, model.get_submodule(path), TABLE_TYPE if path in tables else layer_type)
        for name, path in chosen.items()
    }
    plain = {name: find_plain(stored, name, shape) for name, shape in wanted.items() if name not in chosen}
    layout = FolderLayout(_without_none(matrices), _without_none(plain))
    is_whole = len(layout.matrices) + len(layout.plain) == len(wanted) > 0
    return layout if is_whole and all(_stays_plain(model, name, wanted[name]) for name in plain) else None


def _wanted_shapes(model: Any, stored: Stored) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all tensors that the files must have; nothing where they are other ones.

    An output head that shares the embedding may be in no file; buffers in files are no parameters.
    """
    wanted = {name: tuple(each.shape) for name, each in model.named_parameters(remove_duplicate=False)}
    head = f"{next(iter(_paths_of(model, model.get_output_embeddings())), '')}.weight"
    is_tied = bool(getattr(model.config.get_text_config(), "tie_word_embeddings", False))
    if set(model.state_dict()) != set(wanted) or head not in wanted or is_tied == (head in stored):
        return {}
    return {name: shape for name, shape in wanted.items() if not (is_tied and name == head)}


def _paths_of(model: nn.Module, *modules: nn.Module | None) -> list[str]:
    return [path for path, module in model.named_modules() if any(module is each for each in modules)]


def _find(stored: Stored, name: str, module: nn.Module, type_name: str) -> StoredMatrix | None:
    is_transposed = type(module).__name__ == "Conv1D"
    if isinstance(module, nn.Embedding):
        shape = (module.num_embeddings, module.embedding_dim)
    else:
        shape = linear_size(module)
    return find_matrix(stored, name, shape, type_name, is_transposed=is_transposed)


def _stays_plain(model: nn.Module, name: str, shape: tuple[int, ...]) -> bool:
    """Return whether a parameter is a norm, a bias or a small table, such as GPT-2's of positions."""
    path = name.rpartition(".")[0]
    return len(shape) == 1 or isinstance(model.get_submodule(path), nn.Embedding)


def _without_none(found: Mapping[str, _Found | None]) -> dict[str, _Found]:
    return {name: each for name, each in found.items() if each is not None}
