"""The weights of an old adapter (adapter_model.bin), read without unpickling anything.

`torch.save` writes a zip archive: a pickle with the table of tensors, and the bytes of each storage. The few
pickle operations that such a table takes are followed here by hand; any other one is refused.
"""

import math
import os
import pickletools
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from bot.untrusted import RefusedFile, open_regular
from training.adapters.tensor_table import NotATable, StoredTensor, read_table

PICKLED = "adapter_model.bin"
MAX_BYTES = 4 << 30  # of the file
MAX_PICKLE_BYTES = 16 << 20  # of the pickle inside, which lists the tensors
_AGAIN = "save it in safetensors format where it comes from"
_DAMAGED = f"{PICKLED} holds more than tensors, or is damaged"


def read_pickled(folder: Path) -> dict[str, Tensor]:
    """Read the tensors of a file that `torch.save` wrote, by name.

    Raises `RefusedFile` for any other file. No object of the pickle is made and no function that it names is
    called, and each tensor takes as many bytes as the file holds for it.
    """
    with open_regular(folder, PICKLED) as file:
        size = _check_size(file)
        try:
            with zipfile.ZipFile(file) as archive:
                return _read_archive(archive, size)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise RefusedFile(f"{PICKLED} is not an archive as torch writes it", _AGAIN) from error


def _check_size(file: BinaryIO) -> int:
    size = os.fstat(file.fileno()).st_size
    if size > MAX_BYTES:
        raise RefusedFile(f"{PICKLED} has more than {MAX_BYTES >> 30} GB", _AGAIN)
    return size


def _read_archive(archive: zipfile.ZipFile, size: int) -> dict[str, Tensor]:
    entries = archive.infolist()
    pickles = [entry for entry in entries if entry.filename.endswith(".pkl")]
    compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if (
        compressed
        or sum(entry.file_size for entry in entries) > size
        or sum(entry.file_size for entry in pickles) > MAX_PICKLE_BYTES
    ):
        raise RefusedFile(f"{PICKLED} unpacks to more than it is", _AGAIN)
    if len(pickles) != 1:
        raise RefusedFile(_DAMAGED, _AGAIN)
    try:
        table = read_table(pickletools.genops(archive.read(pickles[0])))
    except (NotATable, ValueError, IndexError, TypeError) as error:
        raise RefusedFile(_DAMAGED, _AGAIN) from error
    prefix = pickles[0].filename.rpartition("/")[0]
    if not isinstance(table, dict) or not all(map(_is_plain, table.items())):
        raise RefusedFile(f"{PICKLED} is not a table of plain tensors", _AGAIN)
    if sum(stored.bytes for stored in table.values()) > size:
        raise RefusedFile(f"{PICKLED} unpacks to more than it is", _AGAIN)
    return {name: _read_tensor(archive, prefix, stored) for name, stored in table.items()}


def _is_plain(item: tuple[Any, Any]) -> bool:
    """Return whether an entry is a named tensor and no view: a view could repeat a few numbers."""
    return isinstance(item[0], str) and isinstance(item[1], StoredTensor) and item[1].is_contiguous


def _read_tensor(archive: zipfile.ZipFile, prefix: str, stored: StoredTensor) -> Tensor:
    """Return a tensor whose numbers stand whole in the file."""
    try:
        info = archive.getinfo(f"{prefix}/data/{stored.storage}")
    except KeyError as error:
        raise RefusedFile(_DAMAGED, _AGAIN) from error
    count, width = math.prod(stored.size), stored.dtype.itemsize
    if (stored.offset + count) * width > info.file_size:
        raise RefusedFile(f"{PICKLED} is not a table of plain tensors", _AGAIN)
    with archive.open(info) as file:
        file.seek(stored.offset * width)
        content = bytearray(file.read(count * width))
    if not content:
        return torch.empty(stored.size, dtype=stored.dtype)
    return torch.frombuffer(content, dtype=stored.dtype).reshape(stored.size)
