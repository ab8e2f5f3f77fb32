"""`python -m training formats` lists every reader with its export, and docs/formats.md equals it."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.paths import EXPORTS, ROOT
from tests.training.importers.fixtures import FIXTURES
from training.__main__ import main
from training.commands.formats import HEADING, markdown_page, table_row
from training.importers import registry
from training.importers.registry import FORMATS, IMPORTERS, Format

DATA_SETS = [each for each in IMPORTERS if each.GUIDE.example]


def title(importer: Format) -> str:
    return importer.TITLE


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def run(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["formats", *arguments])
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("importer", FORMATS, ids=title)
def test_a_guide_is_of_full_sentences(importer: Format) -> None:
    for text in table_row(importer)[1:]:
        assert text.endswith(".")
        assert not text[0].islower()
        assert len(text.split()) > 4
        assert text == " ".join(text.split())


@pytest.mark.parametrize("importer", IMPORTERS, ids=title)
def test_each_mark_of_a_guide_stands_in_a_file_of_the_format(importer: Format) -> None:
    paths = [EXPORTS / name for name in FIXTURES[importer.TITLE]]
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
    held = b"".join(file.read_bytes() for file in files if file.is_file())
    texts = held.decode("utf-8", "replace") + held.decode("utf-16", "replace")
    assert not [mark for mark in importer.GUIDE.marks if mark not in texts]


def test_every_data_set_has_an_example() -> None:
    of_data_sets = [each for each in IMPORTERS if "datasets" in getattr(each, "__name__", "")]
    assert [each.TITLE for each in of_data_sets] == [each.TITLE for each in DATA_SETS]


@pytest.mark.parametrize("importer", DATA_SETS, ids=title)
def test_the_example_of_a_data_set_is_read_by_its_reader(importer: Format, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text(importer.GUIDE.example, encoding="utf-8")
    assert [export.importer.TITLE for export in registry.find_exports(path)] == [importer.TITLE]
    assert any("quay" in message.text for message in registry.read_exports(path))


def test_the_page_of_formats_holds_the_same_table() -> None:
    """`python -m training formats --markdown > docs/formats.md` writes it again."""
    page = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    assert page == markdown_page()
    assert run("--markdown") == (0, page.rstrip("\n") + "\n", "")


def test_the_table_holds_every_word_of_every_guide() -> None:
    code, table, _ = run()
    assert (code, table.splitlines()[0].split("  ")[0]) == (0, HEADING[0])
    words = set(table.split())
    for importer in FORMATS:
        assert {*importer.TITLE.split()} <= words
        text = " ".join(table_row(importer)[1:])
        assert not [word for word in text.split() if word not in words and len(word) < 20]
    assert max(map(len, table.splitlines())) <= 160


def test_the_table_as_json_is_whole() -> None:
    rows = json.loads(run("--json")[1])
    assert [row["format"] for row in rows] == [each.TITLE for each in FORMATS]
    assert [tuple(row.values())[:4] for row in rows] == [table_row(each) for each in FORMATS]


def test_one_format_is_shown_with_its_marks_and_its_example() -> None:
    guide = next(each.GUIDE for each in IMPORTERS if each.TITLE == "Alpaca")
    assert run("alpaca") == (
        0,
        f"Alpaca\n{guide.steps}\n{guide.reads}\n{guide.leaves_out}\n"
        f"Its files hold: instruction, output.\nA record: {guide.example}\n",
        "",
    )


def test_a_name_that_no_format_has_is_answered_with_all_names() -> None:
    code, out, err = run("pigeon post")
    assert (code, out) == (2, "")
    assert err.startswith("training: There is no format 'pigeon post': known are X (Twitter) archive, ")


@pytest.mark.parametrize(
    ("word", "title"),
    [
        ("takeout", "E-mail"),
        ("takeout", "Gemini (Google Takeout)"),
        ("mbox", "E-mail"),
        ("gmail", "E-mail"),
        ("diary", "Texts and Markdown"),
        ("json", "Discord data package"),
    ],
)
def test_words_of_a_guide_find_its_format(word: str, title: str) -> None:
    code, out, _ = run(word, "--json")
    assert code == 0
    assert title in [row["format"] for row in json.loads(out)]


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    code, _, err = run("wecaht")
    assert (code, err[:63]) == (2, "training: There is no format 'wecaht': do you mean WeChat? Know")
