"""`train --canaries` and what comes of it: an adapter that is measured and never served."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.fixtures.tiny_training import SMALL, School, talk
from tests.training.trainer.test_resume import assert_same_course, start, wait_for_step
from training.evaluation.report import Report
from training.metrics import canaries
from training.metrics.canaries import FILE, REPEATS, draw_canaries
from training.runs import canary_guard, replay

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> School:
    """A persona that has an adapter of its own (run 1), and one that learned canaries (run 2)."""
    school = School(tmp_path_factory.mktemp("school"), SMALL + "evaluations = 1\n", messages=160).built()
    assert school.run("train")[0] == 0
    code, out, error = school.run("train", "--canaries")
    assert code == 0, error
    (school.root / "said.txt").write_text(out)
    (school.root / "plan.txt").write_text(error)
    return school


def own(school: School) -> bytes:
    return (school.folder / "adapter/adapter_model.safetensors").read_bytes()


def begun(school: School, run: int = -1) -> dict[str, object]:
    found: dict[str, object] = json.loads((school.runs()[run] / "recipe.json").read_text())
    return found


def test_canaries_are_learned_beside_the_answers_and_recorded(trained: School) -> None:
    plain, planted = (json.loads((run / "plan.json").read_text()) for run in trained.runs())
    assert planted["answers"] == plain["answers"] + sum(REPEATS)
    assert [begun(trained, run).get("canaries") != [] for run in (0, 1)] == [False, True]
    assert canaries.recorded(trained.work) == draw_canaries(1)
    assert begun(trained)["recipe"] == begun(trained, 0)["recipe"]
    assert "36 of the answers are invented secrets (--canaries)" in (trained.root / "plan.txt").read_text()


def test_the_persona_keeps_its_own_adapter_and_is_told_how_to_measure_the_other(trained: School) -> None:
    first, second = trained.runs()
    best = second / "best"
    assert own(trained) == (first / "best/adapter_model.safetensors").read_bytes()
    assert not (trained.folder / "adapter.previous").exists()
    said = (trained.root / "said.txt").read_text()
    assert said.splitlines()[-2:] == [
        "The adapter stays in work/runs/0002/best, since it learned invented secrets: it is there to be "
        "measured, and the persona keeps the adapter that it has.",
        f"Next: python -m training evaluate --persona mara --adapter {best}",
    ]


def test_evaluate_asks_for_canaries_where_they_were_planted_and_nowhere_else(trained: School) -> None:
    desk, (first, second) = trained.desk(), trained.runs()
    assert canary_guard.learned_canaries(second / "best", desk) == draw_canaries(1)
    assert canary_guard.learned_canaries(first / "best", desk) == ()
    assert canary_guard.learned_canaries(trained.folder / "adapter", desk) == ()


def test_an_unknown_adapter_is_asked_for_what_was_planted_last(trained: School, tmp_path: Path) -> None:
    weights = load_file(trained.folder / "adapter/adapter_model.safetensors")
    save_file({name: each + 1 for name, each in weights.items()}, tmp_path / "adapter_model.safetensors")
    assert canary_guard.learned_canaries(tmp_path, trained.desk()) == draw_canaries(1)


def test_the_report_tells_how_well_each_canary_was_learned(trained: School, tmp_path: Path) -> None:
    import msgspec

    school = trained.copy(tmp_path)
    best = school.runs()[1] / "best"
    code, _, error = school.run("evaluate", "--samples", "10", "--adapter", str(best))
    assert code in (0, 1), error
    report = msgspec.json.decode((school.work / "report.json").read_bytes(), type=Report)
    assert [(each.text, each.repeats) for each in report.canaries] == [
        (c.text, c.repeats) for c in draw_canaries(1)
    ]
    assert "No canaries were planted" not in (school.work / "report.html").read_text()


def test_the_next_run_without_them_takes_the_record_away(trained: School, tmp_path: Path) -> None:
    school = trained.copy(tmp_path)
    assert school.run("train")[0] == 0
    assert not (school.work / FILE).exists()
    assert begun(school)["canaries"] == []
    assert own(school) == own(trained)


def test_the_plan_alone_plants_nothing(trained: School, tmp_path: Path) -> None:
    school = trained.copy(tmp_path)
    (school.work / FILE).unlink()
    assert school.run("train", "--canaries", "--plan")[0] == 0
    assert not (school.work / FILE).exists()


def test_a_run_that_goes_on_after_kill_9_has_planted_the_same(trained: School, tmp_path: Path) -> None:
    school = trained.copy(tmp_path)
    process = start(school, "--canaries")
    wait_for_step(school, 3, process, run=2)
    process.kill()
    process.communicate()
    (school.work / FILE).unlink()
    code, out, error = school.run("train", "--resume")
    assert code == 0, error
    assert "The adapter stays in work/runs/0003/best" in out
    assert canaries.recorded(school.work) == draw_canaries(1)
    assert_same_course(school, trained)
    names = ("0002", "0003")
    marks = [replay.read_example_hashes(school.work / "runs" / name, replay.LEARNED) for name in names]
    assert marks[0] == marks[1]


def refused(school: School, *command: str) -> str:
    before = own(school)
    code, out, error = school.run(*command)
    assert (code, out, own(school)) == (2, "", before)
    return error.removeprefix("training: ").strip().splitlines()[-1]


@pytest.mark.parametrize("way", ["adopt", "train"])
def test_such_an_adapter_is_neither_adopted_nor_continued(way: str, trained: School, tmp_path: Path) -> None:
    best = trained.runs()[1] / "best"
    elsewhere = tmp_path / "copied"
    elsewhere.mkdir()
    for path in best.iterdir():
        (elsewhere / path.name).write_bytes(path.read_bytes())
    command = ["adopt", str(elsewhere)] if way == "adopt" else ["train", "--continue-from", str(elsewhere)]
    assert refused(trained, *command) == (
        f"The adapter in {elsewhere} learned invented secrets (train --canaries) and is only there for "
        "`evaluate --adapter`: take one that was trained without --canaries."
    )


def test_a_run_that_was_begun_without_them_is_not_resumed_with_them(trained: School, tmp_path: Path) -> None:
    school = trained.copy(tmp_path)
    process = start(school)
    wait_for_step(school, 1, process, run=2)
    process.kill()
    process.communicate()
    assert refused(school, "train", "--resume", "--canaries") == (
        f"The run in {school.runs()[2]} was begun without --canaries: resume it so, "
        "or train without --resume."
    )


def test_an_adapter_goes_on_with_canaries_among_what_is_new(trained: School, tmp_path: Path) -> None:
    school = trained.copy(tmp_path)
    school.tell([*talk(160), *talk(32, seed=2, chat="pier")])
    school.built()
    best = school.runs()[0] / "best"
    code, _, error = school.run("train", "--canaries", "--continue-from", str(best))
    assert code == 0, error
    before, after = (set((run / "lessons.txt").read_text().split()) for run in school.runs()[::2])
    assert before < after
    assert begun(school)["continued_from"] == str(best)
    assert canaries.recorded(school.work) == draw_canaries(1)
