"""The commands `adopt` and `export` show their stages while they work, on the display that `train` has."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from training.adapters import adopt as adopting
from training.adapters import export as exporting
from training.adapters.adopt import AdoptedAdapter
from training.commands import adapters
from training.progress.display import ProgressDisplay


class Recorded(ProgressDisplay):
    """A display that keeps the names of its stages."""

    def __init__(self) -> None:
        super().__init__(None)
        self.names = list[str]()

    @contextmanager
    def stage(self, name: str, total: float | None = None, unit: str = "") -> Iterator[Any]:
        self.names.append(name)
        with super().stage(name, total, unit) as stage:
            yield stage


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorded:
    shown = Recorded()
    persona = Namespace(persona=Namespace(key="mara"))
    adopted = AdoptedAdapter(tmp_path / "adapter", "base", "always")
    monkeypatch.setattr(adapters, "open_display", lambda: shown)
    monkeypatch.setattr(adapters, "_open", lambda *_: persona)
    monkeypatch.setattr(adopting, "adopt_adapter", lambda *_: adopted)
    monkeypatch.setattr(exporting, "export_adapter", lambda *_: "done")
    return shown


def test_adopt_shows_what_it_loads_and_does(display: Recorded, tmp_path: Path) -> None:
    options = Namespace(adapter="x", adapter_config=None, alpha=None, names=None)
    adapters.adopt(options, lambda _: tmp_path)
    assert display.names == ["loading torch, transformers and PEFT", "checking and writing the adapter"]


def test_export_shows_what_it_loads_and_writes(display: Recorded, tmp_path: Path) -> None:
    options = Namespace(
        merged=False, dtype="f32", adapter=None, max_shard_size=0, format="peft", target="out"
    )
    assert adapters.export(options, lambda _: tmp_path) == "done"
    assert display.names == ["loading torch, transformers and PEFT", "writing out"]
