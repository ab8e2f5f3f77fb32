"""The command `train`: errors where something is missing, and the ways to continue an adapter."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bot.engine.lora.wrapped_models import save_wrapper
from tests.fakes import tiny
from tests.fixtures.tiny_training import TinyPersona, dialogue
from tests.paths import ROOT
from training.commands.forget import forget
from training.planning import memory
from training.trainer import tracking

# `train` with a limit of 30 kB on the size of files: files of weights are larger.
_WITH_FILE_LIMIT = """
import resource, signal, sys
from training.__main__ import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
sys.exit(main(sys.argv[1:]))
"""

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    return TinyPersona(tmp_path_factory.mktemp("built")).built()


@pytest.fixture(scope="module")
def trained(built: TinyPersona, tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    persona = built.copy(tmp_path_factory.mktemp("trained"))
    assert persona.run("train")[0] == 0
    return persona


def refused(persona: TinyPersona, *more: str) -> str:
    """Return the last line of `train` that refuses; standard output is empty."""
    code, out, error = persona.run("train", *more)
    assert (code, out) == (2, "")
    return error.strip().splitlines()[-1].removeprefix("training: ")


def test_without_data_the_error_names_the_command_that_makes_them(tmp_path: Path) -> None:
    persona = TinyPersona(tmp_path)
    assert refused(persona) == f"There are no data in {persona.work}: `python -m training build` makes them."
    assert not persona.runs()


def test_without_examples_the_error_names_the_file(built: TinyPersona, tmp_path: Path) -> None:
    persona = built.copy(tmp_path)
    (persona.work / "train.jsonl").write_bytes(b"")
    assert refused(persona).startswith(
        f"There is nothing to learn in {persona.work / 'train.jsonl'}: import more"
    )


def test_documents_alone_are_not_trained_on(built: TinyPersona, tmp_path: Path) -> None:
    persona = built.copy(tmp_path)
    (persona.work / "train.jsonl").write_text(
        '{"chat": "documents/a", "stage": "facts", "text": "Salt is salt."}\n'
    )
    assert (
        refused(persona) == "There are no answers to learn, only documents: import chats, then build again."
    )


def test_without_a_validation_set_the_last_state_is_kept_with_a_note(
    built: TinyPersona, tmp_path: Path
) -> None:
    persona = built.copy(tmp_path)
    (persona.work / "held.jsonl").write_bytes(b"")
    code, _, error = persona.run("train")
    assert code == 0
    assert "Nothing is held out, so the last state is kept" in error
    result = json.loads((persona.runs()[0] / "run.json").read_text())
    assert (result["best_loss"], result["best_step"]) == (None, result["steps"])


def test_documents_are_trained_on_before_dialogue(built: TinyPersona, tmp_path: Path) -> None:
    persona = built.copy(tmp_path)
    before = (persona.work / "train.jsonl").read_text()
    fact = {"chat": "documents/a", "stage": "facts", "text": "The lamp burns oil. " * 20}
    (persona.work / "train.jsonl").write_text(json.dumps(fact) + "\n" + before)
    assert persona.run("train")[0] == 0
    rates = [line["rate"] for line in persona.log() if line["event"] == "learned"]
    plan = json.loads((persona.runs()[0] / "plan.json").read_text())
    assert list(plan["lessons"]) == ["facts", "dialogue"]
    assert rates[0] == max(rates) / 2 * 0.5 or rates[0] < max(rates)


def test_the_plan_alone_writes_nothing(built: TinyPersona, tmp_path: Path) -> None:
    persona = built.copy(tmp_path)
    code, out, error = persona.run("train", "--plan")
    assert (code, out.strip()) == (0, "")
    assert "steps      14, which read" in error
    assert not persona.runs()


def test_missing_memory_is_an_error_before_any_work(
    built: TinyPersona, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    persona = built.copy(tmp_path)
    monkeypatch.setattr(memory, "available_memory", lambda device: 100 << 20)
    assert "Training needs about 0.7 GB of memory, and 0.1 GB can be had" in refused(persona)
    assert not persona.runs()


def test_neither_no_run_nor_a_finished_run_is_resumed(
    built: TinyPersona, trained: TinyPersona, tmp_path: Path
) -> None:
    persona = built.copy(tmp_path)
    assert refused(persona, "--resume").startswith("There is no run in ")
    assert refused(trained, "--resume").startswith("The newest run, 0001, came to its end")


def test_a_run_whose_data_or_model_changed_is_not_resumed(trained: TinyPersona, tmp_path: Path) -> None:
    persona = trained.copy(tmp_path / "persona")
    (persona.runs()[0] / "run.json").unlink()
    other = tiny.save_model(tmp_path / "other", num_hidden_layers=3)
    settings = persona.root / "config.toml"
    text = settings.read_text()
    settings.write_text(
        text.replace(json.loads((persona.runs()[0] / "recipe.json").read_text())["base_model"], str(other))
    )
    assert "was begun with the base model" in refused(persona, "--resume")
    settings.write_text(text)
    lines = (persona.work / "train.jsonl").read_text().splitlines()
    (persona.work / "train.jsonl").write_text("\n".join(lines[1:]) + "\n")
    assert refused(persona, "--resume").startswith("The data have changed since the run in")


def test_an_adapter_is_continued_with_new_examples_and_a_part_of_the_old(
    trained: TinyPersona, tmp_path: Path
) -> None:
    persona = trained.copy(tmp_path)
    best = persona.runs()[0] / "best"
    assert "has learned all of these data" in refused(persona, "--continue-from", str(best))
    persona.set_messages([*dialogue(48), *dialogue(32, seed=2, chat="pier")])
    persona.built()
    code, out, error = persona.run("train", "--continue-from", str(best))
    assert code == 0, error
    kept = persona.folder / "adapter.previous"
    assert out.splitlines()[-3:] == [
        "The adapter is in place: adapter/.",
        "Next: python -m training evaluate --persona mara",
        f"The adapter before is kept in {kept}.",
    ]
    first, second = persona.runs()
    old, new = (set((run / "lessons.txt").read_text().split()) for run in (first, second))
    assert old < new
    plan = json.loads((second / "plan.json").read_text())
    assert plan["answers"] == 16  # of 36
    assert (second / "before.txt").read_text() == (first / "lessons.txt").read_text()
    assert json.loads((second / "recipe.json").read_text())["continued_from"] == str(best)
    first_loss, second_loss = (
        next(line["loss"] for line in persona.log(run) if line["event"] == "judged") for run in (0, 1)
    )
    assert second_loss < first_loss
    assert kept.exists()


@pytest.mark.parametrize("name", ["gemma3", "llava"])
def test_a_base_model_that_also_reads_images_is_not_trained(tmp_path: Path, name: str) -> None:
    persona = TinyPersona(tmp_path)
    shutil.rmtree(tmp_path / "model")
    save_wrapper(name, tmp_path / "model")
    persona.built()
    assert f"({name}) also reads images, and training takes models of text alone" in refused(persona)


def test_forget_names_the_runs_that_learned_from_a_person_and_a_run_keeps_no_text(
    trained: TinyPersona, tmp_path: Path
) -> None:
    persona = trained.copy(tmp_path)
    named = [path.parent for path in forget(persona.folder, "Ana").adapters]
    assert named == [persona.folder / "adapter", persona.runs()[0]]
    assert not any(b"harbour" in path.read_bytes() for path in persona.runs()[0].rglob("*.*"))


def test_an_adapter_of_another_base_model_is_refused(trained: TinyPersona, tmp_path: Path) -> None:
    persona = trained.copy(tmp_path / "persona")
    other = tiny.save_model(tmp_path / "other", hidden_size=32, intermediate_size=64)
    foreign = tiny.save_adapter(tmp_path / "foreign", other)
    error = refused(persona, "--continue-from", str(foreign))
    assert error.startswith(f"The adapter in {foreign} cannot be continued: ")
    shutil.rmtree(foreign)
    assert refused(persona, "--continue-from", str(foreign)).startswith(f"There is no folder {foreign}: name")


def test_two_runs_of_a_persona_at_once_are_refused(built: TinyPersona, tmp_path: Path) -> None:
    from filelock import FileLock

    persona = built.copy(tmp_path)
    with FileLock(persona.work / "train.lock"):
        assert refused(persona) == f"Another run is under way in {persona.work}: wait until it is done."


def test_a_full_disk_is_an_error_and_leaves_the_installed_adapter(
    trained: TinyPersona, tmp_path: Path
) -> None:
    persona = trained.copy(tmp_path)
    before = (persona.folder / "adapter/adapter_model.safetensors").read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", _WITH_FILE_LIMIT, *persona.arguments("train")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    last_line = done.stderr.splitlines()[-1]
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert last_line.startswith(f"training: {persona.runs()[-1]}")
    assert "cannot be written" in last_line
    assert (persona.folder / "adapter/adapter_model.safetensors").read_bytes() == before


def test_a_tracker_that_is_not_installed_is_named(
    built: TinyPersona, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    error = "wandb is not installed: run `pip install wandb`, or train without --track."
    assert refused(built, "--track", "wandb") == error
