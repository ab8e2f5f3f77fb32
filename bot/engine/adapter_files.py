"""An adapter's folder, read as if its author wished us ill: strict schemas, checked before any library sees a byte."""

import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from bot.engine.adapter_config import Config, Refused, parse_config

Shapes = Mapping[str, tuple[int, int]]  # of a base model's linear layers: name to (out, in)

CONFIG, WEIGHTS, MANIFEST = "adapter_config.json", "adapter_model.safetensors", "manifest.json"
CONFIG_BYTES, HEADER_BYTES, MANIFEST_BYTES = 64 << 10, 2 << 20, 1 << 20
SIZES = {"F32": 4, "F16": 2, "BF16": 2}
_NAME = re.compile(r"base_model\.model\.([A-Za-z0-9_.]+)\.lora_(A|B)\.weight")


@dataclass(frozen=True, slots=True)
class Base:
    """The running base model, as adapters must match it."""

    name: str
    fingerprint: str
    shapes: Shapes


@dataclass(frozen=True, slots=True)
class Matrix:
    """One matrix in the file: half "A" is [rank, in], half "B" is [out, rank]."""

    module: str
    half: str
    dtype: str
    shape: tuple[int, int]
    data: memoryview


@dataclass(frozen=True, slots=True)
class Files:
    """What a folder holds, checked: the matrices and the scale of every module."""

    matrices: tuple[Matrix, ...]
    scales: Mapping[str, float]


def read_files(folder: Path, base: Base) -> Files:
    """Read and check an adapter's folder; raises `Refused` with the reason and the remedy."""
    folder = folder.resolve()
    config = parse_config(read_json(folder, CONFIG, CONFIG_BYTES))
    manifest = read_json(folder, MANIFEST, MANIFEST_BYTES) if os.path.lexists(folder / MANIFEST) else {}
    _check_base(manifest, base)
    try:
        content = _read_weights(folder, config, base.shapes)
    except Refused as refused:
        raise _blame_base(refused, config, base) from None
    pinned = manifest.get("adapter_sha256")
    if pinned is not None and pinned != hashlib.sha256(content).hexdigest():
        raise Refused("its weights are not those that its manifest names", "copy or train it again")
    matrices = tuple(_matrices(content, config, base.shapes))
    return Files(matrices, {matrix.module: config.scale(matrix.module) for matrix in matrices})


def read_json(folder: Path, name: str, limit: int) -> dict[str, Any]:
    """A small JSON object from a regular file in the folder, without duplicate keys, NaN or infinity."""
    content = _read(folder, name, limit)
    try:
        data = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{name} is not valid JSON", "export it again") from error
    if not isinstance(data, dict):
        raise Refused(f"{name} is not a JSON object", "export it again")
    return data


def _read_weights(folder: Path, config: Config, shapes: Shapes) -> bytes:
    if not os.path.lexists(folder / WEIGHTS):
        raise Refused(
            f"{WEIGHTS} is missing", "pickled weights are never opened: save it in safetensors format"
        )
    with _open(folder, WEIGHTS) as file:
        size = os.fstat(file.fileno()).st_size
        start = _header(file.read(8), size)
        header = file.read(start - 8)
        _check_entries(_parse_header(header), size - start, config, shapes)
        content = len(header).to_bytes(8, "little") + header + file.read(size - start)
    if len(content) != size:
        raise Refused(f"{WEIGHTS} changed while it was read", "try again")
    return content


def _matrices(content: bytes, config: Config, shapes: Shapes) -> Iterator[Matrix]:
    start = 8 + int.from_bytes(content[:8], "little")
    view = memoryview(content)
    for name, entry in _parse_header(content[8:start]).items():
        match = _NAME.fullmatch(name)
        assert match is not None
        begin, end = entry["data_offsets"]
        data = view[start + begin : start + end]
        yield Matrix(match[1], match[2], entry["dtype"], tuple(entry["shape"]), data)


def _header(prefix: bytes, size: int) -> int:
    """Where the data begins in a safetensors file of this size."""
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or not 2 <= length <= min(HEADER_BYTES, size - 8):
        raise Refused(f"{WEIGHTS} is not a safetensors file", "export it again")
    return 8 + length


def _parse_header(header: bytes) -> dict[str, dict[str, Any]]:
    try:
        data = json.loads(header.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the header of {WEIGHTS} is not valid JSON", "export it again") from error
    if not isinstance(data, dict):
        raise Refused(f"the header of {WEIGHTS} is not a JSON object", "export it again")
    metadata = data.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise Refused(f"the metadata of {WEIGHTS} is not plain text", "export it again")
    return data


def _check_entries(entries: dict[str, Any], length: int, config: Config, shapes: Shapes) -> None:
    halves: dict[str, set[str]] = {}
    for name, entry in entries.items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise Refused(
                "it holds a tensor that is not half of a LoRA matrix pair", "train a plain LoRA adapter"
            )
        _check_entry(entry, config.rank(match[1]), _shape(match[1], config, shapes), match[2])
        halves.setdefault(match[1], set()).add(match[2])
    if not halves or any(len(found) != 2 for found in halves.values()):
        raise Refused("half of a LoRA matrix pair is missing", "copy or export it again")
    if config.complete and any(config.targets_module(name) and name not in halves for name in shapes):
        raise Refused(
            "modules that its settings name are missing from its weights", "copy or export it again"
        )
    _check_offsets(sorted(entry["data_offsets"] for entry in entries.values()), length)


def _shape(module: str, config: Config, shapes: Shapes) -> tuple[int, int]:
    if module not in shapes:
        raise Refused(
            "it adapts a module that the base model does not have", "use an adapter made for this model"
        )
    if not config.targets_module(module):
        raise Refused("it holds weights for a module that its settings do not name", "export it again")
    return shapes[module]


def _check_entry(entry: Any, rank: int, base: tuple[int, int], half: str) -> None:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise Refused(f"the header of {WEIGHTS} has an entry of another form", "export it again")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise Refused("its weights are not F32, F16 or BF16", "convert it to one of these")
    if not _are_sizes(shape) or not _are_sizes(offsets):
        raise Refused(f"the header of {WEIGHTS} has sizes that are not natural numbers", "export it again")
    out, inner = base
    if shape != ([rank, inner] if half == "A" else [out, rank]):
        raise Refused(
            "its shapes do not match the base model and its rank", "use an adapter made for this model"
        )
    if offsets[1] - offsets[0] != math.prod(shape) * SIZES[dtype]:
        raise Refused(f"the header of {WEIGHTS} has offsets that do not match its shapes", "export it again")


def _check_offsets(offsets: list[list[int]], length: int) -> None:
    """Every byte belongs to exactly one matrix."""
    ends = [0, *(end for _, end in offsets)]
    if [begin for begin, _ in offsets] != ends[:-1] or ends[-1] != length:
        raise Refused(
            f"the tensors in {WEIGHTS} overlap, leave gaps or leave the file", "copy or export it again"
        )


def _are_sizes(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) == 2
        and all(type(value) is int and 0 <= value < 1 << 40 for value in values)
    )


def _check_base(manifest: Mapping[str, Any], base: Base) -> None:
    made_for, hash_ = manifest.get("base_model"), manifest.get("base_hash")
    other = (
        hash_ != base.fingerprint
        if hash_ is not None
        else made_for is not None and not _same(made_for, base.name)
    )
    if other:
        raise Refused(
            f"it was made for the base model {_tidy(made_for)} and {_tidy(base.name)} is running, "
            "or the weights of that model have changed",
            "set [model] name to its base model, or train it again on this one",
        )


def _blame_base(refused: Refused, config: Config, base: Base) -> Refused:
    if not config.base or _same(config.base, base.name):
        return refused
    return Refused(
        f"{refused.reason} (it was made for {_tidy(config.base)}, and {_tidy(base.name)} is running)",
        refused.remedy,
    )


def _same(one: Any, other: str) -> bool:
    return isinstance(one, str) and one.rstrip("/").lower() == other.rstrip("/").lower()


def _tidy(name: Any) -> str:
    """A stranger's text, fit for a message: printable, one line, short."""
    text = name if isinstance(name, str) else "(not named)"
    return re.sub(r"[^\w./+:-]+", " ", text).strip()[:80] or "(not named)"


def _read(folder: Path, name: str, limit: int) -> bytes:
    if not os.path.lexists(folder / name):
        raise Refused(f"{name} is missing", "point to the folder that training wrote")
    with _open(folder, name) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Refused(f"{name} has more than {limit >> 10} KB", "export it again")
    return content


def _open(folder: Path, name: str) -> BinaryIO:
    """Open a regular file in the folder: links may not leave it, and pipes and devices are never waited for."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise Refused(f"{name} is a link to another place", "copy the file itself")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise Refused(
            f"{name} cannot be opened ({error.strerror})", "check the file and its permissions"
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused(f"{name} is not a regular file", "copy the file itself")
    return open(descriptor, "rb")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands there twice")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
