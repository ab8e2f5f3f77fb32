"""A new run goes on with the schedule of an earlier one: its step, learning rate and AdamW's state."""

import json
import os
import signal
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.fixtures.tiny_training import TinyPersona, dialogue
from tests.training.trainer.test_resume import assert_same
from training.runs import checkpoints
from training.runs.curve_position import CurvePosition
from training.trainer.schedule import curve_of_stage, learning_rate_at

NEW = [*dialogue(48), *dialogue(32, seed=2, chat="pier")]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    """A persona whose only run was interrupted, with further data built."""
    persona = TinyPersona(tmp_path_factory.mktemp("interrupted")).built()
    interrupt(persona, 3)
    persona.set_messages(NEW)
    return persona.built()


@pytest.fixture(scope="module")
def kept(interrupted: TinyPersona, tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    """A copy that went on with the schedule, on the new data."""
    persona = interrupted.copy(tmp_path_factory.mktemp("kept"))
    code, _, error = persona.run("train", *keeping(persona))
    assert code == 0, error
    return persona


def interrupt(persona: TinyPersona, step: int, *words: str) -> None:
    """Train in this process, and send it a signal once the new run has logged the step."""
    ended, earlier = Event(), len(persona.runs())

    def watch() -> None:
        while not ended.wait(0.005):
            if len(persona.runs()) > earlier and any(line["step"] >= step for line in persona.log()):
                os.kill(os.getpid(), signal.SIGINT)
                return

    before, watcher = signal.signal(signal.SIGINT, lambda *_: None), Thread(target=watch)
    watcher.start()
    try:
        code, _, error = persona.run("train", *words)
    finally:
        ended.set()
        watcher.join()
        signal.signal(signal.SIGINT, before)
    assert code == 130, error


def keeping(persona: TinyPersona) -> list[str]:
    return ["--continue-from", str(persona.runs()[0] / "last"), "--keep-schedule"]


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def rates(persona: TinyPersona, run: int = -1) -> list[float]:
    return [line["rate"] for line in persona.log(run) if line["event"] == "learned"]


@pytest.mark.parametrize(
    ("earlier", "steps", "expected"),
    [
        (None, 7, (0, 7)),
        ((300, 1000), 200, (300, 1000)),  # the curve has room for them
        ((300, 1000), 900, (300, 1200)),
        ((1000, 1000), 200, (1000, 1200)),  # a run that ended: its curve is lengthened
    ],
)
def test_a_curve_goes_on_where_it_was_left(
    earlier: tuple[int, int] | None, steps: int, expected: tuple[int, int]
) -> None:
    position = CurvePosition("dialogue", *earlier) if earlier else None
    assert curve_of_stage("dialogue", steps, position) == CurvePosition("dialogue", *expected)


def test_rate_and_position_go_on_along_one_curve(kept: TinyPersona) -> None:
    first, second = kept.runs()
    done, new = len(rates(kept, 0)), len(rates(kept))
    total = max(read(first / "plan.json")["steps"], done + new)
    recipe = read(second / "recipe.json")["recipe"]
    curve = [learning_rate_at(step, total, recipe["warmup"], recipe["rate"]) for step in range(total)]
    assert rates(kept) == curve[done : done + new]
    assert read(second / "last/state.json")["position"] == {
        "stage": "dialogue",
        "step": done + new,
        "steps": total,
    }
    assert read(second / "recipe.json")["schedule"] == {
        "run": "0001",
        "position": {"stage": "dialogue", "step": done, "steps": read(first / "plan.json")["steps"]},
        "updates": done,
    }


def test_the_recipe_says_where_the_kept_values_are_from(kept: TinyPersona) -> None:
    first, second = (read(run / "recipe.json") for run in kept.runs())
    keys = ["rate", "warmup", "batch", "decay", "clip"]
    assert [second["recipe"][key] for key in keys] == [first["recipe"][key] for key in keys]
    assert {second["reasons"][key] for key in keys} == {"that of run 0001, whose schedule goes on"}
    assert second["reasons"]["rank"] == "that of the adapter that is continued"
    assert second["reasons"]["epochs"] == "set in persona.toml"


def test_the_run_begins_with_adapter_and_moments_of_the_last_state(
    interrupted: TinyPersona, tmp_path: Path
) -> None:
    persona = interrupted.copy(tmp_path)
    interrupt(persona, 1, *keeping(persona))
    earlier, run = persona.runs()
    last, first = checkpoints.read_checkpoint(earlier / "last"), checkpoints.read_checkpoint(run / "first")
    assert all((last.adapter[name] == first.adapter[name]).all() for name in last.adapter)
    assert all((last.moments[name] == first.moments[name]).all() for name in last.moments)
    assert last.moments


def test_after_an_interruption_a_kept_schedule_goes_on_bit_by_bit(
    interrupted: TinyPersona, kept: TinyPersona, tmp_path: Path
) -> None:
    persona = interrupted.copy(tmp_path)
    interrupt(persona, 4, *keeping(persona))
    code, _, error = persona.run("train", "--resume")
    assert code == 0, error
    assert_same(persona, kept)


def test_the_plan_tells_the_step_and_the_rate(interrupted: TinyPersona) -> None:
    done = len(rates(interrupted, 0))
    code, _, error = interrupted.run("train", "--plan", *keeping(interrupted))
    assert code == 0, error
    assert f"The schedule of run 0001 goes on behind its step {done} of " in error.splitlines()[-1]


def test_a_state_of_an_earlier_version_counts_all_steps(interrupted: TinyPersona, tmp_path: Path) -> None:
    persona = interrupted.copy(tmp_path)
    path = persona.runs()[0] / "last/state.json"
    path.write_text(json.dumps({key: value for key, value in read(path).items() if key != "position"}))
    code, _, error = persona.run("train", "--plan", *keeping(persona))
    assert code == 0, error
    assert (
        f"behind its step {read(path)['step']} of {read(persona.runs()[0] / 'plan.json')['steps']}," in error
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--keep-schedule"],
            "--keep-schedule goes with --continue-from DIR: say which adapter's run goes on.",
        ),
        (
            ["--resume", "--recipe", "x"],
            "--resume goes on with the recipe that the run has: leave out --recipe.",
        ),
        (["--resume", "--save-every", "2"], "the recipe that the run has: leave out --save-every."),
        (["--save-every", "-2"], "save_every = -2 is wrong: input should be greater than or equal to 0."),
        (["--recipe", "none.toml"], "There is no settings file none.toml"),
        (["--write-recipe", "none/recipe.toml"], "There is no folder "),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_loaded(
    interrupted: TinyPersona, words: list[str], said: str
) -> None:
    code, out, error = interrupted.run("train", *words)
    assert (code, out) == (2, "")
    assert said in error


def test_an_adapter_that_no_run_made_has_no_schedule(interrupted: TinyPersona, tmp_path: Path) -> None:
    persona = interrupted.copy(tmp_path / "persona")
    adapter = persona.runs()[0] / "last"
    foreign = adapter.rename(tmp_path / "foreign")
    code, _, error = persona.run("train", "--continue-from", str(foreign), "--keep-schedule")
    assert code == 2
    assert f"made the adapter in {foreign}, so no schedule is known" in error


def test_saving_every_few_steps_keeps_adapters_that_can_be_continued(
    interrupted: TinyPersona, tmp_path: Path
) -> None:
    persona = interrupted.copy(tmp_path / "persona")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("epochs = 1\nbatch = 8\n")
    code, _, error = persona.run("train", "--save-every", "2", "--recipe", str(recipe))
    assert code == 0, error
    run, steps = persona.runs()[-1], len(rates(persona))
    found = sorted(path.name for path in run.glob("step-*"))
    assert found == sorted(f"step-{step}" for step in range(2, steps + 1, 2))
    half = load_file(run / "step-2/adapter_model.safetensors")
    assert {str(tensor.dtype) for tensor in half.values()} == {"torch.float16"}
    told = read(run / "recipe.json")
    assert [(told["recipe"][key], told["reasons"][key]) for key in ("epochs", "save_every")] == [
        (1, "set in recipe.toml"), (2, "set by --save-every"),
    ]  # fmt: skip
    code, _, error = persona.run("train", "--continue-from", str(run / "step-2"))
    assert (code, "has learned all of these data" in error) == (2, True)


def test_a_plan_writes_its_recipe_and_the_recipe_gives_the_same_plan(
    interrupted: TinyPersona, tmp_path: Path
) -> None:
    written = tmp_path / "recipe.toml"
    code, _, error = interrupted.run("train", "--plan", "--write-recipe", str(written))
    assert code == 0, error
    assert f"The recipe is in {written}; --recipe reads it." in error
    code, _, error = interrupted.run(
        "train", "--plan", "--recipe", str(written), "--write-recipe", str(tmp_path / "again.toml")
    )
    assert code == 0, error
    values = [
        [line.split("  #")[0] for line in path.read_text().splitlines()]
        for path in (written, tmp_path / "again.toml")
    ]
    assert values[0] == values[1]
    code, out, error = interrupted.run("train", "--write-recipe", str(written))
    assert (code, out, len(interrupted.runs())) == (2, "", 1)


def test_an_unknown_key_of_a_recipe_is_one_sentence(interrupted: TinyPersona, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("ranks = 8\n")
    code, out, error = interrupted.run("train", "--recipe", str(tmp_path / "recipe.toml"))
    assert (code, out) == (2, "")
    assert error == (
        f"training: {tmp_path / 'recipe.toml'}, line 1: ranks is not a known key: did you mean 'rank'?\n"
    )
