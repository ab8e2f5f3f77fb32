"""The weights of an old adapter (adapter_model.bin), read by a loader that builds tensors and no more."""

import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from bot.untrusted import RefusedFile, open_regular

PICKLED = "adapter_model.bin"
MAX_BYTES = 4 << 30  # of the file
MAX_PICKLE_BYTES = 16 << 20  # of the pickle inside, which lists the tensors
_AGAIN = "save it in safetensors format where it comes from"


def read_pickled(folder: Path) -> dict[str, Tensor]:
    """Read the tensors of a file that `torch.save` wrote, by name.

    Raises `RefusedFile` for any other file. Code that a pickle names is never run: the `weights_only` reader
    of torch knows no functions but those that build tensors.
    """
    with open_regular(folder, PICKLED) as file:
        _check_archive(file)
        try:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # an untrusted file can make torch raise anything
            raise RefusedFile(f"{PICKLED} holds more than tensors, or is damaged", _AGAIN) from error
    if not isinstance(tensors, dict) or not all(_is_plain(name, value) for name, value in tensors.items()):
        raise RefusedFile(f"{PICKLED} is not a table of plain tensors", _AGAIN)
    return dict(tensors)


def _check_archive(file: BinaryIO) -> None:
    """Refuse all but an uncompressed zip archive of bounded size, as `torch.save` writes since 2020."""
    size = os.fstat(file.fileno()).st_size
    if size > MAX_BYTES:
        raise RefusedFile(f"{PICKLED} has more than {MAX_BYTES >> 30} GB", _AGAIN)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise RefusedFile(f"{PICKLED} is not an archive as torch writes it", _AGAIN) from error
    pickles = sum(entry.file_size for entry in entries if entry.filename.endswith(".pkl"))
    compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if compressed or sum(entry.file_size for entry in entries) > size or pickles > MAX_PICKLE_BYTES:
        raise RefusedFile(f"{PICKLED} unpacks to more than it is", _AGAIN)
    file.seek(0)


def _is_plain(name: Any, value: Any) -> bool:
    """Return whether a value is a named matrix with storage of its own: a view could repeat a few numbers."""
    if not isinstance(name, str) or type(value) is not Tensor or value.layout != torch.strided:
        return False
    is_own = value.is_contiguous() and value.nbytes <= value.untyped_storage().nbytes()
    return is_own and value.is_floating_point()
