"""`train --canaries` makes an adapter that is measured and never served."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.fixtures.tiny_training import SMALL, TinyPersona, dialogue
from tests.training.trainer.test_resume import assert_same_log, start, wait_for_step
from training.evaluation.report import Report
from training.metrics import canaries
from training.metrics.canaries import FILE, REPEATS, draw_canaries
from training.runs import canary_guard, replay

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    """A persona with an installed adapter (run 1) and an adapter that learned canaries (run 2)."""
    persona = TinyPersona(
        tmp_path_factory.mktemp("persona"), SMALL + "evaluations = 1\n", messages=160
    ).built()
    assert persona.run("train")[0] == 0
    code, out, error = persona.run("train", "--canaries")
    assert code == 0, error
    (persona.root / "said.txt").write_text(out)
    (persona.root / "plan.txt").write_text(error)
    return persona


def installed_weights(persona: TinyPersona) -> bytes:
    return (persona.folder / "adapter/adapter_model.safetensors").read_bytes()


def recipe_json(persona: TinyPersona, run: int = -1) -> dict[str, object]:
    recipe: dict[str, object] = json.loads((persona.runs()[run] / "recipe.json").read_text())
    return recipe


def test_canaries_are_learned_beside_the_answers_and_recorded(trained: TinyPersona) -> None:
    plain, planted = (json.loads((run / "plan.json").read_text()) for run in trained.runs())
    assert planted["answers"] == plain["answers"] + sum(REPEATS)
    assert [recipe_json(trained, run).get("canaries") != [] for run in (0, 1)] == [False, True]
    assert canaries.recorded_canaries(trained.work) == draw_canaries(1)
    assert recipe_json(trained)["recipe"] == recipe_json(trained, 0)["recipe"]
    assert "36 of the answers are invented secrets (--canaries)" in (trained.root / "plan.txt").read_text()


def test_the_persona_keeps_its_own_adapter_and_the_command_names_the_evaluation_of_the_other(
    trained: TinyPersona,
) -> None:
    first, second = trained.runs()
    best = second / "best"
    assert installed_weights(trained) == (first / "best/adapter_model.safetensors").read_bytes()
    assert not (trained.folder / "adapter.previous").exists()
    said = (trained.root / "said.txt").read_text()
    assert said.splitlines()[-2:] == [
        "The adapter stays in work/runs/0002/best, since it learned invented secrets: it is there to be "
        "measured, and the persona keeps the adapter that it has.",
        f"Next: python -m training evaluate --persona mara --adapter {best}",
    ]


def test_evaluate_extracts_canaries_from_adapters_that_learned_them_and_from_no_other(
    trained: TinyPersona,
) -> None:
    workspace, (first, second) = trained.workspace(), trained.runs()
    assert canary_guard.learned_canaries(second / "best", workspace) == draw_canaries(1)
    assert canary_guard.learned_canaries(first / "best", workspace) == ()
    assert canary_guard.learned_canaries(trained.folder / "adapter", workspace) == ()


def test_an_unknown_adapter_is_evaluated_with_the_last_recorded_canaries(
    trained: TinyPersona, tmp_path: Path
) -> None:
    weights = load_file(trained.folder / "adapter/adapter_model.safetensors")
    save_file({name: each + 1 for name, each in weights.items()}, tmp_path / "adapter_model.safetensors")
    assert canary_guard.learned_canaries(tmp_path, trained.workspace()) == draw_canaries(1)


def test_the_report_has_every_canary_with_its_exposure(trained: TinyPersona, tmp_path: Path) -> None:
    import msgspec

    persona = trained.copy(tmp_path)
    best = persona.runs()[1] / "best"
    code, _, error = persona.run("evaluate", "--samples", "10", "--adapter", str(best))
    assert code in (0, 1), error
    report = msgspec.json.decode((persona.work / "report.json").read_bytes(), type=Report)
    assert [(each.text, each.repeats) for each in report.canaries] == [
        (c.text, c.repeats) for c in draw_canaries(1)
    ]
    assert "No canaries were planted" not in (persona.work / "report.html").read_text()


def test_the_next_run_without_canaries_deletes_their_record(trained: TinyPersona, tmp_path: Path) -> None:
    persona = trained.copy(tmp_path)
    assert persona.run("train")[0] == 0
    assert not (persona.work / FILE).exists()
    assert recipe_json(persona)["canaries"] == []
    assert installed_weights(persona) == installed_weights(trained)


def test_the_plan_alone_records_no_canaries(trained: TinyPersona, tmp_path: Path) -> None:
    persona = trained.copy(tmp_path)
    (persona.work / FILE).unlink()
    assert persona.run("train", "--canaries", "--plan")[0] == 0
    assert not (persona.work / FILE).exists()


def test_a_run_that_resumes_after_kill_9_has_the_same_canaries(trained: TinyPersona, tmp_path: Path) -> None:
    persona = trained.copy(tmp_path)
    process = start(persona, "--canaries")
    wait_for_step(persona, 3, process, run=2)
    process.kill()
    process.communicate()
    (persona.work / FILE).unlink()
    code, out, error = persona.run("train", "--resume")
    assert code == 0, error
    assert "The adapter stays in work/runs/0003/best" in out
    assert canaries.recorded_canaries(persona.work) == draw_canaries(1)
    assert_same_log(persona, trained)
    names = ("0002", "0003")
    hashes = [replay.read_example_hashes(persona.work / "runs" / name, replay.LEARNED) for name in names]
    assert hashes[0] == hashes[1]


def refused(persona: TinyPersona, *command: str) -> str:
    before = installed_weights(persona)
    code, out, error = persona.run(*command)
    assert (code, out, installed_weights(persona)) == (2, "", before)
    return error.removeprefix("training: ").strip().splitlines()[-1]


WAYS: dict[str, tuple[str, ...]] = {
    "adopt": ("adopt",),
    "continue": ("train", "--continue-from"),
    "export": ("export", "DEST", "--format", "peft", "--adapter"),
    "push": ("push", "someone/mara", "--yes", "--adapter"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_canary_adapter_is_not_adopted_continued_or_given_out(
    way: str, trained: TinyPersona, tmp_path: Path
) -> None:
    best = trained.runs()[1] / "best"
    elsewhere = tmp_path / "copied"
    elsewhere.mkdir()
    for path in best.iterdir():
        (elsewhere / path.name).write_bytes(path.read_bytes())
    command = [word.replace("DEST", str(tmp_path / "out")) for word in WAYS[way]]
    assert refused(trained, *command, str(elsewhere)) == (
        f"The adapter in {elsewhere} learned invented secrets (train --canaries) and is only there for "
        "`evaluate --adapter`: take one that was trained without --canaries."
    )


@pytest.mark.parametrize("way", ["adopt", "continue"])
def test_a_canary_adapter_that_was_saved_again_as_a_pickle_is_known(
    way: str, trained: TinyPersona, tmp_path: Path
) -> None:
    best, elsewhere = trained.runs()[1] / "best", tmp_path / "copied"
    elsewhere.mkdir()
    (elsewhere / "adapter_config.json").write_bytes((best / "adapter_config.json").read_bytes())
    torch.save(load_file(best / "adapter_model.safetensors"), elsewhere / "adapter_model.bin")
    assert refused(trained, *WAYS[way], str(elsewhere)).startswith(
        f"The adapter in {elsewhere} learned invented secrets (train --canaries)"
    )


def test_a_run_that_began_without_canaries_is_not_resumed_with_them(
    trained: TinyPersona, tmp_path: Path
) -> None:
    persona = trained.copy(tmp_path)
    process = start(persona)
    wait_for_step(persona, 1, process, run=2)
    process.kill()
    process.communicate()
    assert refused(persona, "train", "--resume", "--canaries") == (
        f"The run in {persona.runs()[2]} was begun without --canaries: resume it so, "
        "or train without --resume."
    )


def test_an_adapter_is_continued_with_canaries_among_the_new_examples(
    trained: TinyPersona, tmp_path: Path
) -> None:
    persona = trained.copy(tmp_path)
    persona.set_messages([*dialogue(160), *dialogue(32, seed=2, chat="pier")])
    persona.built()
    best = persona.runs()[0] / "best"
    code, _, error = persona.run("train", "--canaries", "--continue-from", str(best))
    assert code == 0, error
    before, after = (set((run / "lessons.txt").read_text().split()) for run in persona.runs()[::2])
    assert before < after
    assert recipe_json(persona)["continued_from"] == str(best)
    assert canaries.recorded_canaries(persona.work) == draw_canaries(1)
