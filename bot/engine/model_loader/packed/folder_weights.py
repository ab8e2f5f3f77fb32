"""The weights of a folder that is packed once, into a file of the bot's data that is mapped from then on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from bot.engine.checkpoint.converted import make_converted
from bot.engine.checkpoint.transfer_progress import TransferProgress
from bot.engine.model_loader.packed.layout import FolderLayout
from bot.engine.model_loader.packed.packed_file import PackedFile, open_packed, packed_bytes, write_packed
from bot.engine.model_loader.packed.weights import MatrixSize
from bot.engine.quantization.packed_matrix import PackedMatrix
from bot.engine.runtime.cpu_threads import single_threaded


@dataclass(frozen=True, eq=False)
class FolderWeights:
    """`PackedWeights` of a folder. Nothing is packed before the first tensor is asked for.

    `precision`: nf4 or int8; `models`: the folder of copies; `progress` is called with the state of packing.
    """

    config: Any
    layout: FolderLayout
    fingerprint: str  # of the folder's weights
    precision: str
    models: Path
    progress: Callable[[str], None]

    @property
    def sizes(self) -> Iterator[MatrixSize]:
        """The sizes of all matrices, packed."""
        return self.layout.sizes

    def matrix(self, name: str) -> PackedMatrix | None:
        """Return a view of a matrix in the packed file."""
        return self._file.matrices.get(name)

    def numbers(self, name: str) -> Tensor | None:
        """Return a view of plain numbers in the packed file."""
        return self._file.numbers.get(name)

    @cached_property
    def _file(self) -> PackedFile:
        return open_packed(
            make_converted(self.models, self.fingerprint, f"{self.precision}-packed", self._pack)
        )

    def _pack(self, folder: Path) -> None:
        total = packed_bytes(self.layout)
        progress = TransferProgress("the base model", total, self.progress, work="packing")
        with single_threaded():  # ten times as fast where other programs use the cores: operations are small
            write_packed(folder, self.layout, progress.advance)
