"""The options of `build` about repetition, and what it explains."""

import json
from pathlib import Path

import pytest

from tests.fixtures.training_messages import said
from tests.training.commands.conftest import keep
from training.__main__ import main
from training.dataset.workspace import read_build_record

LONG = "the storm took the roof of the boat house last night and nobody heard a thing until the morning"
PAIRS = [
    ("?", LONG),
    ("?", f"{LONG}!"),
    ("?", f"{LONG} came"),
    ("?", LONG.replace("night", "2 nights")),
    ("and you?", LONG),
    ("ok?", "ok"),
    ("ok?", "ok"),
]
TALK = [
    message
    for number, (asked, answer) in enumerate(PAIRS)
    for message in (
        said(2 * number, "Ana", asked, author="17"),
        said(2 * number + 1, "Mara", answer, author="1"),
    )
]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["build", "--persona", "mara", *arguments])
    return code, *capsys.readouterr()


def test_each_pair_that_was_judged_is_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(folder, TALK)
    code, out, _ = run(capsys, "--explain")
    short = f"{LONG[:79]}…"
    lines = out.splitlines()
    explained = lines[: next(at for at, line in enumerate(lines) if line.startswith("to learn"))]
    assert code == 0
    assert explained[:2] == [
        f"repeated word for word (1.00): {short} | {short}",
        f"kept: another question (1.00): {short} | {short}",
    ]
    assert {line.partition(" (")[0] for line in explained[2:]} == {
        "nearly repeated",
        "kept: other numbers, negations or signs",
        "kept: another question",
    }


def test_the_thresholds_are_kept_for_the_next_build(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(folder, TALK)
    assert run(capsys, "--near-duplicates", "off", "--repeats", "off")[0] == 0
    record = read_build_record(folder / "work")
    assert (record.near_duplicates, record.repeats, record.left_out) == (None, 0, {})
    assert main(["forget", "17", "--persona", "mara"]) == 0
    record = read_build_record(folder / "work")
    assert (record.near_duplicates, record.repeats) == (None, 0)


def test_programs_get_the_pairs_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(folder, TALK)
    judged = json.loads(run(capsys, "--explain", "--json")[1])["judged"]
    assert judged[0].startswith("repeated word for word (1.00): ")
    assert "judged" not in json.loads(run(capsys, "--json")[1])


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        (
            "--near-duplicates",
            "1.2",
            "--near-duplicates 1.2 is not possible: say a share such as 0.8, or off.",
        ),
        (
            "--near-duplicates",
            "nan",
            "--near-duplicates nan is not possible: say a share such as 0.8, or off.",
        ),
        (
            "--near-duplicates",
            "many",
            "--near-duplicates many is not possible: say a share such as 0.8, or off.",
        ),
        ("--repeats", "0", "--repeats 0 is not possible: say how many times, or off."),
        ("--repeats", "x", "--repeats x is not possible: say how many times, or off."),
    ],
)
def test_a_threshold_that_is_none_is_refused(
    option: str, value: str, sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(folder, TALK)
    assert run(capsys, option, value) == (2, "", f"training: {sentence}\n")
