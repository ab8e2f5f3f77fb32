"""The notebook runs from its first cell to its last, with a tiny base model and a part of Ozzo's chats."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.fakes import tiny
from tests.paths import ROOT

NOTEBOOK = ROOT / "notebooks/train_a_persona.ipynb"
SETTINGS = 'precision = "fp32"\ntemplate = "chatml"\ncontext = 1024\nthreads = 1\n'
MESSAGES = 80
SHOWN = (("curve", "image/svg+xml"), ("evaluate", "text/html"))


def read() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def shown(cell: nbformat.NotebookNode) -> list[str]:
    return [kind for output in cell.outputs if output.output_type == "display_data" for kind in output.data]


def write_export(folder: Path) -> Path:
    """Write the beginning of one of Ozzo's chats."""
    chat = json.loads((ROOT / "personas/ozzo/export/night-desk.json").read_text("utf-8"))
    (folder / "chat.json").write_text(json.dumps({**chat, "messages": chat["messages"][:MESSAGES]}), "utf-8")
    return folder / "chat.json"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, nbformat.NotebookNode]:
    """The cells by id, after the notebook has run in its short form."""
    folder = tmp_path_factory.mktemp("notebook")
    model = tiny.save_model(folder / "model")
    (folder / "alterego-notebook").mkdir()
    (folder / "alterego-notebook/config.toml").write_text(f'[model]\nname = "{model}"\n{SETTINGS}')
    notebook = read()
    chosen = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    chosen.source += f"\nEXPORTS, EPOCHS, SAMPLES = [{str(write_export(folder))!r}], 1, 10"
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    return {cell.id: cell for cell in notebook.cells}


def test_the_notebook_is_kept_without_results() -> None:
    assert [cell.id for cell in read().cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_the_notebook_is_of_its_format() -> None:
    nbformat.validate(read())


def test_each_step_of_the_notebook_shows_its_result(cells: dict[str, nbformat.NotebookNode]) -> None:
    words = {
        "import": f"{MESSAGES} new messages",
        "build": "⟦",
        "train": "loss.svg",
        "evaluate": "report.html",
    }
    assert {name: word in printed(cells[name]) for name, word in words.items()} == dict.fromkeys(words, True)
    assert [shown(cells[name]).count(kind) for name, kind in SHOWN] == [1, 1]
    assert printed(cells["say"]).strip()
