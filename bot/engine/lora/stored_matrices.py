"""The pairs of an adapter's layers, made on access from the bytes of its file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from bot.engine.lora.layer_names import AdaptedLayer, LayerPart
from bot.engine.lora.linear import LoraPair
from bot.engine.lora.tensor_reader import StoredMatrix
from bot.engine.lora.validation import AdapterFiles
from bot.untrusted import RefusedFile

_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class AdapterLayout:
    """The place of every matrix and the scale of every module in a file, and the layers that they adapt."""

    matrices: Mapping[tuple[str, str], StoredMatrix]  # by module and half ("A" or "B")
    scales: Mapping[str, float]
    layers: Mapping[str, AdaptedLayer]


def layout_of(files: AdapterFiles) -> AdapterLayout:
    """Return one object for all adapters of one layout: the places of 400 matrices take 3% of an adapter."""
    weights = files.weights
    return _layout(weights.matrices, tuple(files.scales.items()), tuple(weights.layers.items()))


@lru_cache(maxsize=64)
def _layout(
    matrices: tuple[StoredMatrix, ...],
    scales: tuple[tuple[str, float], ...],
    layers: tuple[tuple[str, AdaptedLayer], ...],
) -> AdapterLayout:
    named = {(matrix.module, matrix.half): matrix for matrix in matrices}
    return AdapterLayout(named, dict(scales), dict(layers))


class StoredMatrices(Mapping[str, LoraPair]):
    """The `LoraPair` of every adapted layer, made on access as views of the file's bytes.

    So an inactive adapter takes no more memory than its file.
    """

    def __init__(self, data: Tensor, layout: AdapterLayout) -> None:
        """`data` [bytes], uint8: the matrices, at the places of the layout."""
        self._data, self._layout = data, layout

    def __getitem__(self, layer: str) -> LoraPair:
        adapted = self._layout.layers[layer]
        if len(adapted.parts) > 1 or adapted.parts[0].last - adapted.parts[0].first < adapted.outputs:
            return self._joined_pair(adapted)
        part = adapted.parts[0]
        return LoraPair(self._tensor(part.module, "A"), self._rows(part), self._layout.scales[part.module])

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout.layers)

    def __len__(self) -> int:
        return len(self._layout.layers)

    def __contains__(self, layer: object) -> bool:
        return layer in self._layout.layers

    def check_finite(self) -> None:
        """Raise RefusedFile for a matrix with NaN or infinity."""
        for module, half in self._layout.matrices:
            if not bool(self._tensor(module, half).isfinite().all()):
                raise RefusedFile("its weights hold values that are not numbers", "train or export it again")

    def _joined_pair(self, adapted: AdaptedLayer) -> LoraPair:
        """Return one pair for the pairs of a fused layer's parts: A one below the other, B in blocks.

        B is multiplied by the scales, in float32, where they or the dtypes differ.
        """
        parts = adapted.parts
        scales = [self._layout.scales[part.module] for part in parts]
        a, blocks = [self._tensor(part.module, "A") for part in parts], [self._rows(part) for part in parts]
        if len(set(scales)) > 1 or len({block.dtype for block in blocks}) > 1:
            blocks = [block.float() * scale for block, scale in zip(blocks, scales, strict=True)]
            scales = [1.0]
        b, rank = blocks[0].new_zeros(adapted.outputs, sum(block.shape[1] for block in blocks)), 0
        for part, block in zip(parts, blocks, strict=True):
            b[part.start : part.start + len(block), rank : rank + block.shape[1]] = block
            rank += block.shape[1]
        return LoraPair(torch.cat(a), b, scales[0])

    def _rows(self, part: LayerPart) -> Tensor:
        return self._tensor(part.module, "B")[part.first : part.last]

    def _tensor(self, module: str, half: str) -> Tensor:
        matrix = self._layout.matrices[module, half]
        dtype = _DTYPES[matrix.dtype]
        data = self._data[matrix.start : matrix.end]
        aligned = matrix.start % dtype.itemsize == 0
        return (data if aligned else data.clone()).view(dtype).view(matrix.shape)
