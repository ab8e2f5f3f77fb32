"""Skips where no card can be pretended; models made outside of any pretended card; the table of figures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState

from bot.config import ModelSettings
from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.registry import read_adapter
from bot.engine.model_loader.adapter_check import open_adapter_check
from tests.fakes import tiny
from tests.fakes.card.guard import COMPILER
from tests.gpu.figures import FIGURES, Figures, table_of


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests on a pretended card without the compiler that it needs once."""
    for item in items:
        if "tests/gpu/" in str(item.path) and not item.get_closest_marker("gpu") and COMPILER is None:
            item.add_marker(pytest.mark.skip(reason="a pretended card needs g++ once"))


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """The figures of this run, which are printed as a table at its end."""
    return request.config.stash.setdefault(FIGURES, Figures())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    found = config.stash.get(FIGURES, Figures()).rows
    if found:
        terminalreporter.section("figures")
        for line in table_of(found):
            terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def no_accelerate_state() -> Iterator[None]:
    """Let later tests choose another device: accelerate keeps the first one of a process."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute on one thread, with which models this small are faster."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def adapter(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> LoadedAdapter:
    """An adapter of rank 4 for the model in `folder`, read from its file."""
    path = tiny.save_adapter(tmp_path_factory.mktemp("adapter"), folder, r=4)
    settings = ModelSettings(name=str(folder), device="cpu", precision="fp32")
    return read_adapter("mara", path, open_adapter_check(settings, path).base)
