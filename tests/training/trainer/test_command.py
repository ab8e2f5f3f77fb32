"""`train` as a person meets it when something is missing, and the two ways to go on from an adapter."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import tiny
from tests.fixtures.tiny_training import School, talk
from tests.paths import ROOT
from training.commands.forget import forget
from training.planning import memory
from training.trainer import tracking

# A file may not grow beyond 30 kB: some fit, those of weights do not.
_NARROW = """
import resource, signal, sys
from training.__main__ import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
sys.exit(main(sys.argv[1:]))
"""

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> School:
    return School(tmp_path_factory.mktemp("built")).built()


@pytest.fixture(scope="module")
def trained(built: School, tmp_path_factory: pytest.TempPathFactory) -> School:
    school = built.copy(tmp_path_factory.mktemp("trained"))
    assert school.run("train")[0] == 0
    return school


def refused(school: School, *more: str) -> str:
    """What `train` says when it refuses; nothing is written."""
    code, out, error = school.run("train", *more)
    assert (code, out) == (2, "")
    return error.removeprefix("training: ").strip().splitlines()[-1]


def test_without_data_it_says_how_to_make_them(tmp_path: Path) -> None:
    school = School(tmp_path)
    assert refused(school) == f"There are no data in {school.work}: `python -m training build` makes them."
    assert not school.runs()


def test_without_examples_it_says_so(built: School, tmp_path: Path) -> None:
    school = built.copy(tmp_path)
    (school.work / "train.jsonl").write_bytes(b"")
    assert refused(school).startswith(
        f"There is nothing to learn in {school.work / 'train.jsonl'}: import more"
    )


def test_documents_alone_make_no_persona(built: School, tmp_path: Path) -> None:
    school = built.copy(tmp_path)
    (school.work / "train.jsonl").write_text(
        '{"chat": "documents/a", "stage": "facts", "text": "Salt is salt."}\n'
    )
    assert refused(school) == "There are no answers to learn, only documents: import chats, then build again."


def test_without_anything_held_out_the_last_state_is_kept_and_this_is_said(
    built: School, tmp_path: Path
) -> None:
    school = built.copy(tmp_path)
    (school.work / "held.jsonl").write_bytes(b"")
    code, _, error = school.run("train")
    assert code == 0
    assert "Nothing is held out, so the last state is kept" in error
    result = json.loads((school.runs()[0] / "run.json").read_text())
    assert (result["best_loss"], result["best_step"]) == (None, result["steps"])


def test_documents_are_learned_before_dialogue(built: School, tmp_path: Path) -> None:
    school = built.copy(tmp_path)
    before = (school.work / "train.jsonl").read_text()
    fact = {"chat": "documents/a", "stage": "facts", "text": "The lamp burns oil. " * 20}
    (school.work / "train.jsonl").write_text(json.dumps(fact) + "\n" + before)
    assert school.run("train")[0] == 0
    rates = [line["rate"] for line in school.log() if line["event"] == "learned"]
    plan = json.loads((school.runs()[0] / "plan.json").read_text())
    assert list(plan["lessons"]) == ["facts", "dialogue"]
    assert rates[0] == max(rates) / 2 * 0.5 or rates[0] < max(rates)


def test_the_plan_alone_writes_nothing(built: School, tmp_path: Path) -> None:
    school = built.copy(tmp_path)
    code, out, error = school.run("train", "--plan")
    assert (code, out.strip()) == (0, "")
    assert "steps      14, which read" in error
    assert not school.runs()


def test_no_room_is_said_before_any_work(
    built: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = built.copy(tmp_path)
    monkeypatch.setattr(memory, "available_memory", lambda device: 100 << 20)
    assert "Training needs about 0.7 GB of memory and 0.1 GB are free" in refused(school)
    assert not school.runs()


def test_there_is_nothing_to_resume_at_first_nor_at_the_end(
    built: School, trained: School, tmp_path: Path
) -> None:
    school = built.copy(tmp_path)
    assert refused(school, "--resume").startswith("There is no run in ")
    assert refused(trained, "--resume").startswith("The newest run, 0001, came to its end")


def test_a_run_whose_data_or_model_changed_is_not_resumed(trained: School, tmp_path: Path) -> None:
    school = trained.copy(tmp_path / "school")
    (school.runs()[0] / "run.json").unlink()
    other = tiny.save_model(tmp_path / "other", num_hidden_layers=3)
    settings = school.root / "config.toml"
    told = settings.read_text()
    settings.write_text(
        told.replace(json.loads((school.runs()[0] / "recipe.json").read_text())["base_model"], str(other))
    )
    assert "was begun with the base model" in refused(school, "--resume")
    settings.write_text(told)
    lines = (school.work / "train.jsonl").read_text().splitlines()
    (school.work / "train.jsonl").write_text("\n".join(lines[1:]) + "\n")
    assert refused(school, "--resume").startswith("The data have changed since the run in")


def test_an_adapter_goes_on_with_what_is_new_and_a_part_of_the_old(trained: School, tmp_path: Path) -> None:
    school = trained.copy(tmp_path)
    best = school.runs()[0] / "best"
    assert "has learned all of these data" in refused(school, "--continue-from", str(best))
    school.tell([*talk(48), *talk(32, seed=2, chat="pier")])
    school.built()
    code, _, error = school.run("train", "--continue-from", str(best))
    assert code == 0, error
    first, second = school.runs()
    old, new = (set((run / "lessons.txt").read_text().split()) for run in (first, second))
    assert old < new
    plan = json.loads((second / "plan.json").read_text())
    assert plan["answers"] == 16  # of 36
    assert (second / "before.txt").read_text() == (first / "lessons.txt").read_text()
    assert json.loads((second / "recipe.json").read_text())["continued_from"] == str(best)
    began, goes_on = (
        next(line["loss"] for line in school.log(run) if line["event"] == "judged") for run in (0, 1)
    )
    assert goes_on < began
    assert (school.folder / "adapter.previous").exists()


def test_who_is_forgotten_learns_which_runs_hold_their_words_and_a_run_keeps_no_words(
    trained: School, tmp_path: Path
) -> None:
    school = trained.copy(tmp_path)
    named = [path.parent for path in forget(school.folder, "Ana").adapters]
    assert named == [school.folder / "adapter", school.runs()[0]]
    assert not any(b"harbour" in path.read_bytes() for path in school.runs()[0].rglob("*.*"))


def test_an_adapter_of_another_base_model_is_refused(trained: School, tmp_path: Path) -> None:
    school = trained.copy(tmp_path / "school")
    other = tiny.save_model(tmp_path / "other", hidden_size=32, intermediate_size=64)
    foreign = tiny.save_adapter(tmp_path / "foreign", other)
    told = refused(school, "--continue-from", str(foreign))
    assert told.startswith(f"The adapter in {foreign} cannot be continued: ")
    shutil.rmtree(foreign)
    assert "cannot be continued" in refused(school, "--continue-from", str(foreign))


def test_two_runs_of_a_persona_at_once_are_refused(built: School, tmp_path: Path) -> None:
    from filelock import FileLock

    school = built.copy(tmp_path)
    with FileLock(school.work / "train.lock"):
        assert refused(school) == f"Another run is under way in {school.work}: wait until it is done."


def test_a_full_disk_is_said_and_leaves_the_adapter_that_is_there(trained: School, tmp_path: Path) -> None:
    school = trained.copy(tmp_path)
    before = (school.folder / "adapter/adapter_model.safetensors").read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", _NARROW, *school.arguments("train")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    said = done.stderr.splitlines()[-1]
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert said.startswith(f"training: {school.runs()[-1]}")
    assert "cannot be written" in said
    assert (school.folder / "adapter/adapter_model.safetensors").read_bytes() == before


def test_a_tracker_that_is_not_installed_is_named(built: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tracking.PACKAGES, "wandb", "no_such_package")
    told = "wandb is not installed: run `pip install no_such_package`, or train without --track."
    assert refused(built, "--track", "wandb") == told
