"""`models` lists what is here and what is recommended; `models use` checks, fetches and writes its name."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from bot.app.models import models
from bot.engine.checkpoint.source import DEFAULT_MODEL
from bot.errors import UserError
from tests.fakes.gguf_files import write_gguf
from tests.fakes.hub_server import FakeHub
from tests.fakes.ollama_store import add_model
from tests.paths import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(home: Path, **told: str) -> dict[str, str]:
    """Return the environment of a user with this home folder and no network."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "OLLAMA", "XDG"))
    }
    own = {"HOME": str(home), "ALTEREGO_DATA": str(home / "data"), "HF_HUB_OFFLINE": "1"}
    return {**kept, **own, "PYTHONPATH": str(ROOT), "HF_HOME": str(home / "hf"), **told}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with the shipped settings, and Mara, whose adapter was made for the default model."""
    shutil.copy(ROOT / "config.toml", tmp_path)
    mara = tmp_path / "personas/mara"
    shutil.copytree(ROOT / "personas/mara/adapter", mara / "adapter")
    for name in ("card.json", "persona.toml"):
        shutil.copy(ROOT / "personas/mara" / name, mara)
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    """Run the command in the home folder."""

    def start(*arguments: str, **told: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            cwd=home,
            env=environment(home, **told),
            capture_output=True,
            text=True,
            timeout=120,
        )

    return start


def name_in(home: Path) -> str:
    return str(tomllib.loads((home / "config.toml").read_text("utf-8"))["model"]["name"])


def test_models_are_listed_with_what_fits_and_why_not(run: Run, home: Path) -> None:
    write_gguf(home / "models/tiny-Q4_1.gguf", "qwen3")
    write_gguf(home / "models/state.gguf", "mamba")
    add_model(home / ".ollama/models", write_gguf(home / "x/o.gguf"), "registry.ollama.ai/library/tiny", "1b")
    done = run("models")
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert head == "On this machine (rows: chats of 4,096 tokens at once, of at most 32):"
    here = dict(zip(lines[:8:2], lines[1:8:2], strict=True))
    assert list(here) == [
        f"  {home}/models/state.gguf",
        f"  {home}/models/tiny-Q4_1.gguf",
        "* HuggingFaceTB/SmolLM2-135M-Instruct",
        "  ollama:tiny:1b",
    ]
    assert here[f"  {home}/models/state.gguf"].endswith(
        "; not served: mamba keeps a state in place of keys and values, which rows of a batch cannot share"
    )
    assert here["  ollama:tiny:1b"] == "      Ollama: llama, 10,368 parameters, Q4_1, 0.00 GB; fits, 32 rows"
    assert lines[8] == "Recommended, to be fetched from the hub:"
    assert [line.split(":Q4")[0].split("-Instruct")[0] for line in lines[9:-1:2]] == [
        f"  bartowski/Qwen2.5-{size}" for size in ("0.5B", "1.5B", "3B", "7B", "14B")
    ]
    assert lines[-1] == "`python -m bot models use NAME` writes one into config.toml."


def test_a_model_is_taken_by_the_end_of_its_name(run: Run, home: Path) -> None:
    file = write_gguf(home / "models/tiny-Q4_1.gguf")
    before = (home / "config.toml").read_text("utf-8").splitlines()
    done = run("models", "use", "TINY-q4_1.gguf")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f'{home}/config.toml: [model] name is "{file}" now, in place of "{DEFAULT_MODEL}".',
        "It fits, with 32 rows of the context at once.",
        f"The adapter of mara was made for {DEFAULT_MODEL}: unless {file} is a copy of it, it waits, and "
        "`python -m training train --persona mara` makes one for the new model.",
    ]
    after = (home / "config.toml").read_text("utf-8").splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [f'name = "{file}"']


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder, as this process has it."""
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OLLAMA_MODELS", raising=False)
    monkeypatch.chdir(home)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return home


async def said_by(*words: str, json: bool = False) -> str:
    return await models(Namespace(config=None, words=list(words), json=json))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["cut.gguf"], "of 14,840 bytes): copy or download it again. config.toml is as it was."),
        (["state.gguf"], "which rows of a batch cannot share. config.toml is as it was."),
        (["xyz"], "There is no model xyz: `python -m bot models` lists what is here."),
        (["cut"], "There is no model cut: did you mean"),
        (["ollama:nothing"], "Ollama has no whole model nothing: run `ollama pull nothing`, or choose"),
        (["/nowhere/a.gguf"], "There is no model at /nowhere/a.gguf: set [model] name to a folder"),
        (["someone/nothing"], "the hub did not give it (HF_HUB_OFFLINE is set). Go online, or set"),
        ([], "Name one model: `python -m bot models use NAME`; `python -m bot models` lists them."),
    ],
)  # fmt: skip
async def test_what_cannot_be_taken_leaves_the_settings_as_they_are(
    given: list[str], said: str, here: Path
) -> None:
    cut = write_gguf(here / "models/cut.gguf")
    cut.write_bytes(cut.read_bytes()[:-8])
    write_gguf(here / "models/state.gguf", "mamba")
    with pytest.raises(UserError) as refused:
        await said_by("use", *given)
    assert said in str(refused.value)
    assert (here / "config.toml").read_bytes() == (ROOT / "config.toml").read_bytes()


def test_a_model_of_the_hub_is_fetched_with_progress_on_the_terminal(home: Path, tmp_path: Path) -> None:
    content = write_gguf(tmp_path / "x/a.gguf", vocabulary=100_000).read_bytes()
    with FakeHub({"someone/tiny-GGUF": {"tiny-Q4_1.gguf": content}}).serve() as hub:
        told = {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "COLUMNS": "200"}
        command = pexpect.spawn(
            sys.executable,
            ["-m", "bot", "models", "use", "someone/tiny-GGUF:Q4_1"],
            cwd=str(home),
            env=environment(home, **told),
            encoding="utf-8",
            timeout=60,
        )
        command.expect(
            r"fetching someone/tiny-GGUF:Q4_1 \(once\): \d+ of \d+ MB, [\d.,]+ MB/s, \d+:\d\d left"
        )
        command.expect(r'\[model\] name is "someone/tiny-GGUF:Q4_1" now')
        command.expect(pexpect.EOF)
        command.close()
    assert command.exitstatus == 0
    assert name_in(home) == "someone/tiny-GGUF:Q4_1"


async def test_folders_may_be_named_and_lines_be_json(here: Path) -> None:
    file = write_gguf(here / "elsewhere/deep/tiny-Q4_1.gguf", "gemma2")
    (here / "elsewhere/no.gguf").write_bytes(b"")
    found = [json.loads(line) for line in (await said_by("elsewhere", json=True)).splitlines()]
    assert found[0] == {
        "name": str(file),
        "place": "elsewhere",
        "served": "served",
        "family": "gemma2",
        "parameters": 32 * 64 + 2 * (64 * 64 + 64),
        "bits": "Q4_1",
        "bytes": file.stat().st_size,
        "fits": True,
        "rows": 32,
        "reason": "",
    }
    assert (found[1]["served"], found[1]["reason"].split(" is no ")[1]) == (
        "refused", "whole GGUF file (cannot mmap an empty file): copy or download it again."
    )  # fmt: skip


async def test_a_folder_that_is_not_there_is_told(here: Path) -> None:
    with pytest.raises(UserError, match="There is no folder nowhere: name one in which models lie"):
        await said_by("nowhere")
