"""An old adapter's weights (adapter_model.bin), read once by a loader that builds tensors and no more."""

import os
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from bot.untrusted import RefusedFile, open_regular

PICKLED = "adapter_model.bin"
MOST_BYTES = 4 << 30  # of the file
MOST_INSTRUCTIONS = 16 << 20  # bytes of the pickle inside, which lists the tensors
_AGAIN = "save it in safetensors format where it comes from"


def read_pickled(folder: Path) -> dict[str, Tensor]:
    """The tensors of a file that `torch.save` wrote, by name.

    Raises `Refused` for all else. What a pickle could run is never run: torch's `weights_only` reader knows
    no functions but those that build tensors.
    """
    with open_regular(folder, PICKLED) as file:
        _check_archive(file)
        try:
            told = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever a stranger's file makes it raise
            raise RefusedFile(f"{PICKLED} holds more than tensors, or is damaged", _AGAIN) from error
    if not isinstance(told, dict) or not all(_is_plain(name, value) for name, value in told.items()):
        raise RefusedFile(f"{PICKLED} is not a table of plain tensors", _AGAIN)
    return dict(told)


def _check_archive(file: BinaryIO) -> None:
    """It is a zip archive as `torch.save` has written since 2020, of bounded size, with nothing packed."""
    size = os.fstat(file.fileno()).st_size
    if size > MOST_BYTES:
        raise RefusedFile(f"{PICKLED} has more than {MOST_BYTES >> 30} GB", _AGAIN)
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise RefusedFile(f"{PICKLED} is not an archive as torch writes it", _AGAIN) from error
    instructions = sum(entry.file_size for entry in entries if entry.filename.endswith(".pkl"))
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or sum(entry.file_size for entry in entries) > size or instructions > MOST_INSTRUCTIONS:
        raise RefusedFile(f"{PICKLED} unpacks to more than it is", _AGAIN)
    file.seek(0)


def _is_plain(name: Any, value: Any) -> bool:
    """A named matrix of its own numbers: a view that repeats a few numbers could be of any size."""
    if not isinstance(name, str) or type(value) is not Tensor or value.layout != torch.strided:
        return False
    is_own = value.is_contiguous() and value.nbytes <= value.untyped_storage().nbytes()
    return is_own and value.is_floating_point()
