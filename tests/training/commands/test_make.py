"""`make` from an export to a persona that talks: once, again, interrupted, and with input that is wrong."""

import json
import os
import shutil
import signal
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot import config
from bot.persona.persona import load_persona
from tests.fixtures.making import EmptyFolder, Made, files, rewrite
from tests.paths import ROOT
from training.commands import make_state
from training.dataset.selection import DEFAULT_LIMITS
from training.dataset.workspace import open_workspace

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

QUICK = ("--yes", "--no-talk")


@pytest.fixture(scope="module")
def interrupted(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[EmptyFolder, list[Made]]:
    """A persona that Ctrl-C, then kill -9 and then the same line made, with what each of the three told."""
    folder = EmptyFolder(tmp_path_factory.mktemp("interrupted"), model)
    ends = [folder.end_by(signal.SIGINT, *QUICK, lines=2), folder.end_by(signal.SIGKILL, *QUICK, lines=5)]
    return folder, [*ends, folder.run(*QUICK)]


def test_one_line_leads_from_an_export_to_a_persona(interrupted: tuple[EmptyFolder, list[Made]]) -> None:
    folder, (first, _, last) = interrupted
    persona = load_persona(folder.persona)
    assert persona.card.description.startswith("{{char}} writes on WhatsApp")
    assert (persona.name, persona.adapters) == ("Mara", (folder.persona / "adapter",))
    assert last.code in (0, 1)  # 1: a random model may be over a limit
    assert f"persona    {folder.persona}: " in first.out
    assert "time       " in first.err
    assert first.out.count("⟦") >= 5  # the examples, with what is learned in brackets
    order = ["loss in nats", "loss.svg", "The adapter is in place", "The whole report: ", "Next: "]
    places = [last.out.index(text) for text in order]
    assert places == sorted(places)
    assert last.out.splitlines()[-1] == "Next: python -m bot chat --persona mara"
    assert "Next: python -m training" not in first.out + last.out


def test_an_interrupted_line_goes_on_with_the_same_run(interrupted: tuple[EmptyFolder, list[Made]]) -> None:
    folder, (first, second, last) = interrupted
    assert (first.code, second.code) == (130, -signal.SIGKILL)
    assert first.told.startswith("interrupted at step ")
    assert first.told.endswith("; the same line goes on from here.")
    assert last.out.splitlines()[:2] == ["import     done before", "build      done before"]
    assert [path.name for path in (folder.work / "runs").iterdir()] == ["0001"]
    log = [json.loads(line) for line in (folder.work / "runs/0001/log.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in log if line["event"] == "learned"]
    assert steps == [*range(1, len(steps) + 1)]


def test_the_same_line_again_changes_nothing_and_ends_with_the_talk(
    interrupted: tuple[EmptyFolder, list[Made]], capfd: pytest.CaptureFixture[str]
) -> None:
    folder, (_, _, last) = interrupted
    before = files(folder.persona)
    again = folder.run("--yes", "--say", "What of boats?")
    assert again.code == last.code
    assert [line for line in again.out.splitlines() if not line.startswith("Over a limit: ")] == [
        "import     done before",
        "build      done before",
        "train      done before",
        f"evaluate   done before: {folder.work / 'report.html'}",
        "talk       What of boats?",
        "Next: python -m bot chat --persona mara",
    ]
    assert files(folder.persona) == before
    assert capfd.readouterr().out.strip()  # the reply, from a process of its own


def current(root: Path) -> tuple[bool, bool, bool]:
    """Return whether data, adapter and report of a copy are current."""
    from bot.engine.model_loader.adapter_check import open_adapter_check

    settings = config.load_config(root / "config.toml", {})
    workspace = open_workspace(settings, root / "personas/mara")
    if make_state.current_build(workspace, 0, DEFAULT_LIMITS) is None:
        return False, False, False
    base = open_adapter_check(settings.model, settings.data).base
    adapter = make_state.trained_adapter(workspace, workspace.persona, base)
    reported = adapter is not None and make_state.evaluated_limits(workspace, adapter, 10) is not None
    return True, adapter is not None, reported


@pytest.mark.parametrize(
    ("change", "is_current"),
    [
        (lambda persona: None, (True, True, True)),
        (lambda persona: rewrite(persona / "persona.toml", "# rank = 16", "rank = 16"), (True, True, True)),
        (lambda persona: rewrite(persona / "persona.toml", "# rank = 16", "rank = 4"), (True, False, False)),
        (
            lambda persona: rewrite(persona / "card.json", "writes on", "keeps a lamp on"),
            (True, False, False),
        ),
        (lambda persona: rewrite(persona / "work/messages.jsonl", "harbour", "haven"), (False, False, False)),
        (lambda persona: (persona / "work/words.txt").write_text("gull"), (False, False, False)),
        (
            lambda persona: (persona / "adapter/adapter_model.safetensors").write_bytes(b""),
            (True, False, False),
        ),
        (lambda persona: shutil.rmtree(persona / "adapter"), (True, False, False)),
        (lambda persona: (persona / "work/report.json").write_text("{"), (True, True, False)),
    ],
)
def test_what_has_changed_is_done_again_and_nothing_before_it(
    interrupted: tuple[EmptyFolder, list[Made]],
    tmp_path: Path,
    change: Callable[[Path], object],
    is_current: tuple[bool, bool, bool],
) -> None:
    shutil.copytree(interrupted[0].folder, tmp_path, dirs_exist_ok=True)
    change(tmp_path / "personas/mara")
    assert current(tmp_path) == is_current


def _options(folder: EmptyFolder, **given: Any) -> Namespace:
    unset = {"me": None, "me_anew": False, "dates": None, "texts": None}
    return Namespace(paths=[folder.export], **unset | given)


@pytest.mark.parametrize("given", [{"me": ["Ana"]}, {"texts": "posts"}, {"dates": "day"}])
def test_an_import_with_other_options_is_another_one(
    interrupted: tuple[EmptyFolder, list[Made]], given: dict[str, Any]
) -> None:
    folder, _ = interrupted
    assert not make_state.is_imported(folder.work, _options(folder, **given))


def test_an_export_that_has_changed_is_imported_again(interrupted: tuple[EmptyFolder, list[Made]]) -> None:
    folder, _ = interrupted
    options = _options(folder)
    assert make_state.is_imported(folder.work, options)
    os.utime(folder.export, ns=(0, folder.export.stat().st_mtime_ns + 1))
    assert not make_state.is_imported(folder.work, options)
    os.utime(folder.export, ns=(0, folder.export.stat().st_mtime_ns - 1))


def test_on_a_terminal_three_questions_are_asked_and_no_is_an_answer(making: EmptyFolder) -> None:
    """Who "me" is, the card, and whether to train."""
    pexpect = pytest.importorskip("pexpect")
    rewrite(making.export, "Mara:", "Bo:")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = ["-m", "training", *making.arguments()]
    child = pexpect.spawn(sys.executable, command, env=environment, encoding="utf-8", timeout=240)
    for question, answer in (
        (r"Number, name or id \(several numbers, .*\): ", "Bo"),
        ("The card of Bo, drafted from what they wrote:.*> ", "Keeps a light. Speaks low."),
        (r"Train now\? \[Y/n\] ", "n"),
    ):
        child.expect(question)
        child.sendline(answer)
    child.expect("Nothing was trained; the same line goes on with it.")
    child.expect(pexpect.EOF)
    child.close()
    card = load_persona(making.persona).card
    assert (child.exitstatus, card.name) == (0, "Bo")
    assert (card.description, card.personality) == ("Keeps a light.", "Speaks low.")
    assert not (making.work / "runs").exists()
