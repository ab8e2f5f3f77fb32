"""Tensors of files that `torch.save` wrote (.bin, .pth, .pt), read without unpickling anything.

Such a file is a zip archive: a pickle with the table of tensors, and the bytes of each storage. The few
pickle operations that such a table takes are followed here by hand; any other one is refused. What a trainer
notes beside the tensors (epoch, options, history) is skipped.
"""

import os
import pickletools
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from bot.untrusted import RefusedFile, open_regular
from training.adapters.tensor_table import NotATable, StoredTensor, read_table

MAX_BYTES = 4 << 30  # of the file of an adapter
MAX_PICKLE_BYTES = 16 << 20  # of the pickle inside, which lists the tensors
_SHARED = 4  # bytes of tensors for a byte of the file, where tensors share their numbers
_TABLES = ("state_dict", "module", "model_state_dict", "model")  # of mmengine, DeepSpeed and others
_AGAIN = "save it in safetensors format where it comes from"


class PickledTensors:
    """The tensors of an open file, by name; each is read when it is asked for.

    `settings` is the text of the settings that mmengine notes beside them, or "".
    """

    def __init__(self, name: str, archive: zipfile.ZipFile, prefix: str, table: Any) -> None:
        """Take the table of a file's pickle; raises `RefusedFile` where that names no tensors."""
        self._name, self._archive, self._prefix = name, archive, prefix
        self.stored, self.settings = _find_tensors(table, name), _find_settings(table)

    def read(self, name: str) -> Tensor:
        """Return a tensor whose numbers stand whole in the file; raises `RefusedFile`."""
        if name not in self.stored:
            raise RefusedFile(f"{self._name} has no tensor {name}", "copy it again")
        stored = self.stored[name]
        try:
            info = self._archive.getinfo(f"{self._prefix}/data/{stored.storage}")
        except KeyError as error:
            raise _damaged(self._name) from error
        width = stored.dtype.itemsize
        if stored.repeats or (stored.offset + stored.extent) * width > info.file_size:
            raise RefusedFile(f"{self._name} is not a table of plain tensors", _AGAIN)
        if not stored.count:
            return torch.empty(stored.size, dtype=stored.dtype)
        with _explained(self._name), self._archive.open(info) as file:
            file.seek(stored.offset * width)
            content = bytearray(file.read(stored.extent * width))
        flat = torch.frombuffer(content, dtype=stored.dtype)
        return flat.as_strided(stored.size, stored.stride).contiguous()


@contextmanager
def open_pickled(path: Path, limit: int = MAX_BYTES, root: Path | None = None) -> Iterator[PickledTensors]:
    """Open a file that `torch.save` wrote, of at most `limit` bytes.

    `root`: as of `open_regular`. Raises `RefusedFile` for any other file. No object of the pickle is made and
    no function that it names is called.
    """
    with open_regular(path.parent, path.name, root) as file:
        size = _check_size(file, path.name, limit)
        with _explained(path.name):
            archive = zipfile.ZipFile(file)
            tensors = _read_archive(path.name, archive, size)
        with archive:
            yield tensors


def read_pickled(
    path: Path,
    limit: int = MAX_BYTES,
    wanted: Callable[[str], bool] = lambda name: True,
    root: Path | None = None,
) -> tuple[dict[str, Tensor], PickledTensors]:
    """Return the wanted tensors of a file by name, and its table; raises `RefusedFile`.

    Tensors that share their numbers are one object. The wanted ones take at most `MAX_BYTES`.
    """
    with open_pickled(path, limit, root) as tensors:
        names = [name for name in tensors.stored if wanted(name)]
        if sum(tensors.stored[name].bytes for name in names) > MAX_BYTES:
            raise RefusedFile(f"{path.name} has more than {MAX_BYTES >> 30} GB of matrices", _AGAIN)
        read = dict[StoredTensor, Tensor]()
        for name in names:
            if tensors.stored[name] not in read:
                read[tensors.stored[name]] = tensors.read(name)
        return {name: read[tensors.stored[name]] for name in names}, tensors


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Raise `RefusedFile` for the errors of a file that is no archive of torch."""
    try:
        yield
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise RefusedFile(f"{name} is not an archive as torch writes it", _AGAIN) from error


def _check_size(file: BinaryIO, name: str, limit: int) -> int:
    size = os.fstat(file.fileno()).st_size
    if size > limit:
        raise RefusedFile(f"{name} has more than {limit >> 30} GB", _AGAIN)
    return size


def _damaged(name: str) -> RefusedFile:
    return RefusedFile(f"{name} holds more than tensors, or is damaged", _AGAIN)


def _read_archive(name: str, archive: zipfile.ZipFile, size: int) -> PickledTensors:
    entries = archive.infolist()
    pickles = [entry for entry in entries if entry.filename.endswith(".pkl")]
    compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if (
        compressed
        or sum(entry.file_size for entry in entries) > size
        or sum(entry.file_size for entry in pickles) > MAX_PICKLE_BYTES
    ):
        raise RefusedFile(f"{name} unpacks to more than it is", _AGAIN)
    if len(pickles) != 1:
        raise _damaged(name)
    try:
        found = read_table(pickletools.genops(archive.read(pickles[0])))
    except (NotATable, ValueError, IndexError, TypeError) as error:
        raise _damaged(name) from error
    tensors = PickledTensors(name, archive, pickles[0].filename.rpartition("/")[0], found)
    stored = tensors.stored.values()
    read = sum(each.extent * each.dtype.itemsize for each in set(stored))
    if max(read, sum(each.bytes for each in stored)) > _SHARED * size:
        raise RefusedFile(f"{name} unpacks to more than it is", _AGAIN)
    return tensors


def _find_tensors(found: Any, name: str) -> dict[str, StoredTensor]:
    """Return the tensors of a table, or of the table that a trainer puts into one; raises `RefusedFile`."""
    for table in (found, *_inner_tables(found)) if isinstance(found, dict) else ():
        tensors = {key: each for key, each in table.items() if isinstance(each, StoredTensor)}
        if any(not isinstance(key, str) or each.repeats for key, each in tensors.items()):
            break
        if tensors or not found:
            return tensors
    raise RefusedFile(f"{name} is not a table of plain tensors", _AGAIN)


def _inner_tables(found: Any) -> list[dict[str, Any]]:
    return [found[key] for key in _TABLES if isinstance(found.get(key), dict)]


def _find_settings(found: Any) -> str:
    """Return the text of the settings that mmengine notes beside the tensors (`meta.cfg`), or ""."""
    meta = found.get("meta")
    settings = meta.get("cfg") if isinstance(meta, dict) else None
    return settings if isinstance(settings, str) else ""
