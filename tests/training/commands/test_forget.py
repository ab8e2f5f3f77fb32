"""The commands build, preview and forget: a forgotten author is in no file, and adapters are named."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from tests.fakes.model import ByteTokenizer
from tests.fixtures.training_messages import said
from tests.training.commands.conftest import TALK, keep
from training.__main__ import main
from training.commands.forget import forget
from training.dataset.workspace import read_build_record
from training.store.lineage import Pseudonyms
from training.store.messages import to_lines
from training.tokenization.encode import TrainedSpan, TrainingExample
from training.tokenization.preview import PreviewPage


def manifest(folder: Path, *authors: str) -> Path:
    path = folder / "adapter/manifest.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"lineage": {"authors": authors}}))
    return path


def everything(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(arguments)
    caught = capsys.readouterr()
    return code, caught.out + caught.err


@pytest.mark.parametrize("author", ["18", "test/18", "Bo", "bo"])
def test_a_forgotten_author_is_in_no_file_and_does_not_come_back(
    author: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "build", "--persona", "mara")
    for report in ("report.html", "report.json"):
        (folder / "work" / report).write_text("Bo: write to me")
    code, output = run(capsys, "forget", author, "--persona", "mara")
    assert (code, output.splitlines()[0]) == (0, f"mara: 1 messages of {author} erased")
    assert "write to" not in everything(folder)
    keep(folder, TALK)
    run(capsys, "build", "--persona", "mara")
    (folder / "work/messages.jsonl").unlink()
    (folder / "work/scrubbed.jsonl").unlink()
    (folder / "work/scrub-review.txt").unlink()
    (folder / "work/scrub-review.json").unlink()
    assert "write to" not in everything(folder)


def test_adapters_that_hold_the_words_are_named_and_others_not(folder: Path) -> None:
    of = Pseudonyms(folder / "work").of
    path = manifest(folder, of("test", "18"))
    assert forget(folder, "17").adapters == ()
    assert forget(folder, "18").adapters == (path,)
    assert forget(folder, "test/18").adapters == (path,)


@pytest.mark.parametrize(
    ("author", "reason"),
    [
        ("Ana", r"Several authors are called 'Ana': say which \(other/20, test/17\)"),
        ("1", "'1' is the persona: delete its work folder to forget it"),
        ("Cy", "Nobody in the messages has the name or id 'Cy'"),
    ],
)
def test_who_is_meant_must_be_plain(author: str, reason: str, folder: Path) -> None:
    with pytest.raises(UserError, match=reason):
        forget(folder, author)
    assert (folder / "work/messages.jsonl").read_bytes() == to_lines(TALK)


def test_an_adapter_without_lineage_is_told(folder: Path) -> None:
    manifest(folder).write_text("{}")
    with pytest.raises(UserError, match="does not say whose words its adapter holds"):
        forget(folder, "18")


def test_forget_goes_through_all_personas(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = folder.with_name("ozzo")
    (other / "work").mkdir(parents=True)
    keep(other, TALK)
    code, output = run(capsys, "forget", "18", "--all")
    assert (code, output.splitlines()) == (
        0,
        [f"{name}: 1 messages of 18 erased" for name in ("mara", "ozzo")],
    )


def test_build_says_what_is_in_the_data_what_is_not_and_what_comes_next(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(folder, [*TALK, said(9, "Mara", "/stop", author="1")])
    code, output = run(capsys, "build", "--persona", "mara", "--window", "1024")
    assert code == 0
    lines = output.splitlines()
    assert lines[:3] == [
        "to learn    2 (2 answer)",
        "held out    nothing",
        "left out    1 commands to bots",
    ]
    assert lines[-3].startswith("window       1,024 tokens for bytes; ")
    assert lines[-2].startswith("too few      2 examples to learn are too few for a likeness")
    assert lines[-1] == "Next: python -m training preview --persona mara, then train --persona mara"


def test_private_details_of_others_are_not_in_the_data(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "build", "--persona", "mara")
    files = "".join((folder / "work" / name).read_text() for name in ("train.jsonl", "held.jsonl"))
    assert "bo@example.org" not in files
    assert '"Bo"' not in files


def test_data_json_tells_a_trainer_the_window_the_bursts_and_the_authors(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, output = run(capsys, "build", "--persona", "mara", "--json")
    made = read_build_record(folder / "work")
    of = Pseudonyms(folder / "work").of
    assert set(made.authors) <= {of("test", "1"), of("test", "17"), of("test", "18")}
    assert (made.bursts, made.line_is_message, made.window) == ({1: 2}, False, json.loads(output)["window"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("build", "--persona", "mara", "--window", "99999"), "A window of 99,999 is not possible"),
        (("build", "--persona", "mara", "--cap", "-1"), "A cap of -1 is not possible"),
        (("preview", "--persona", "mara"), "There are no data in"),
        (("build", "--persona", "nobody"), "There is no persona 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    arguments: tuple[str, ...], reason: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output = run(capsys, *arguments)
    assert code == 2
    assert reason in output


def test_preview_shows_the_examples_and_their_lengths(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "build", "--persona", "mara")
    code, output = run(capsys, "preview", "--persona", "mara", "--count", "1")
    assert code == 0
    assert "⟦then the boats can rest<256>⟧\n" in output
    assert "train.jsonl" in output


@pytest.mark.parametrize(
    ("colours", "text"),
    [(False, "say: ⟦a\ufffd<256>⟧"), (True, "\x1b[90msay: \x1b[0m\x1b[32ma\ufffd<256>\x1b[0m")],
)
def test_what_is_learned_is_marked_and_nothing_reaches_the_terminal_as_a_command(
    colours: bool, text: str
) -> None:
    example = TrainingExample(ids=(*b"say: a\x1b", 256), trained=(TrainedSpan(5, 8, 1.0),))
    assert PreviewPage(ByteTokenizer(), "", colours=colours).render(example) == text


def test_control_tokens_are_written_as_the_tokenizer_writes_them() -> None:
    definition: dict[str, Any] = {"added_tokens": [{"id": 256, "content": "<end>"}]}
    page = PreviewPage(ByteTokenizer(), json.dumps(definition), colours=False)
    assert page.render(TrainingExample(ids=(97, 256), trained=())) == "a<end>"
