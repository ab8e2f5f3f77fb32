"""Ways to spoil a good adapter folder, one at a time."""

import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from tests.bot.engine.lora.adapters import CONFIG, MANIFEST, PREFIX, WEIGHTS

Spoil = Callable[[Path], None]


def edit(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | changes))


def setting(**changes: Any) -> Spoil:
    return lambda folder: edit(folder, **changes)


def config_text(content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / CONFIG).write_bytes(content)

    return spoil


def weights(content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / WEIGHTS).write_bytes(content)

    return spoil


def header(change: Callable[[dict[str, Any]], None], tail: bytes = b"") -> Spoil:
    """Change the header of the weights and leave the data as it is."""

    def spoil(folder: Path) -> None:
        content = (folder / WEIGHTS).read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        entries = json.loads(content[8:start])
        change(entries)
        text = json.dumps(entries).encode()
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + content[start:] + tail)

    return spoil


def raw_header(change: Callable[[bytes], bytes]) -> Spoil:
    def spoil(folder: Path) -> None:
        content = (folder / WEIGHTS).read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        text = change(content[8:start])
        (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + content[start:])

    return spoil


def tensors(change: Callable[[dict[str, torch.Tensor]], Any]) -> Spoil:
    def spoil(folder: Path) -> None:
        held = load_file(folder / WEIGHTS)
        change(held)
        save_file(held, folder / WEIGHTS)

    return spoil


def entry(key: str, value: Any) -> Spoil:
    return header(lambda entries: entries[f"{PREFIX}A.weight"].update({key: value}))


def filled(value: float) -> Spoil:
    return tensors(lambda held: held[f"{PREFIX}B.weight"].__setitem__((0, 0), value))


def reshaped(*shape: int) -> Spoil:
    return tensors(lambda held: held.update({f"{PREFIX}A.weight": torch.zeros(shape)}))


def replaced(name: str, make: Callable[[Path], None]) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return spoil


def linked(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        outside = folder.parent / f"outside-{name}"
        (folder / name).rename(outside)
        (folder / name).symlink_to(outside)

    return spoil


def pickled(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(Canary(folder.parent / "canary")))


def pickle_in_disguise(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(pickle.dumps(Canary(folder.parent / "canary")))


def zip_in_disguise(folder: Path) -> None:
    with zipfile.ZipFile(folder / WEIGHTS, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Canary(folder.parent / "canary")))


def sparse(name: str, size: int) -> Spoil:
    def spoil(folder: Path) -> None:
        with (folder / name).open("r+b") as file:
            file.truncate(size)

    return spoil


def manifest(content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / MANIFEST).write_bytes(content)

    return spoil


def swap_halves(held: dict[str, torch.Tensor]) -> None:
    a, b = f"{PREFIX}A.weight", f"{PREFIX}B.weight"
    held[a], held[b] = held[b], held[a]


class Canary:
    """An object that writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)
