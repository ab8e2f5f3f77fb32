"""Texts and Markdown are read only where --as says that they are the persona's, behind all formats."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from bot.errors import UserError
from tests.complexity.growth import MOST, count_work, growth
from tests.fixtures.import_command import PersonaFolder
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import LONGEST_TEXT
from training.store.messages import ExportedMessage

CODE = "Look:\n\n```\n  a = 1\n\n\n# b\n```\n\nSo."
ESSAY = f'---\ntitle: "The quay"\ndate: 2024-01-15 10:00:00 +0100\ntags: [sea]\n---\n\n{CODE}\n'


def read(path: Path, use: str) -> list[ExportedMessage]:
    log = ImportLog(texts="posts" if use == "posts" else "facts")
    return [
        message for export in registry.find_exports(path, with_texts=True) for message in export.read(log)
    ]


def test_a_post_is_the_whole_file_under_its_title(tmp_path: Path) -> None:
    (tmp_path / "essay.md").write_text(ESSAY, encoding="utf-8")
    (post,) = read(tmp_path, "posts")
    assert post.text == f"The quay\n\n{CODE}"
    assert (post.kind, post.chat_kind, post.chat_name) == ("text", "timeline", "The quay")
    assert (post.time, post.precision, post.local, post.is_self) == (1705309200.0, "second", False, True)


def test_a_fact_is_a_document(tmp_path: Path) -> None:
    (tmp_path / "essay.md").write_text(ESSAY, encoding="utf-8")
    (document,) = read(tmp_path / "essay.md", "facts")
    assert (document.kind, document.chat, document.text) == (
        "document",
        "documents",
        f"# The quay\n\n\n{CODE}",
    )


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("2024-01-15.txt", "We sailed.", (1705276800.0, "day", True, "We sailed.")),
        ("20240115 quay.md", "We sailed.", (1705276800.0, "day", True, "We sailed.")),
        ("quay 2024-13-45.md", "We sailed.", (0.0, "none", False, "We sailed.")),
        ("a.md", "---\ndate: 2024-01-15\n---\nWe sailed.", (1705276800.0, "day", True, "We sailed.")),
        ("a.md", "+++\ndate = 2024-01-15T10:00:00Z\n+++\nSo.", (1705312800.0, "second", False, "So.")),
        ("a.md", "---\ndate: yesterday\n---\nWe sailed.", (0.0, "none", False, "We sailed.")),
        ("a.md", "---\n\nA rule above.", (0.0, "none", False, "---\n\nA rule above.")),
        ("a.txt", "\ufeffWe sailed.\r\nHome.\r\n", (0.0, "none", False, "We sailed.\nHome.")),
    ],
)
def test_the_day_of_a_text_is_read(
    name: str, text: str, expected: tuple[float, str, bool, str], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(text.encode())
    (post,) = read(tmp_path / name, "posts")
    assert (post.time, post.precision, post.local, post.text) == expected


def test_a_chat_whose_head_is_damaged_becomes_no_essay_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "WhatsApp Chat with Bo.txt"
    path.write_text("noise\n" * 30 + "1/15/24, 10:00 - Bo: hello\n", encoding="utf-8")
    with pytest.raises(UserError, match="of the persona's own, say --as facts or --as posts"):
        registry.find_exports(path)
    assert len(read(path, "facts")) == 1


def test_what_a_format_knows_is_read_by_it(tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_text("1/15/24, 10:00 - Bo: hello\n", encoding="utf-8")
    (tmp_path / "diary.txt").write_text("We sailed.\n", encoding="utf-8")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "set.json").write_text('{"a": 1}', encoding="utf-8")
    found = {
        export.importer.TITLE: len(export.sources)
        for export in registry.find_exports(tmp_path, with_texts=True)
    }
    assert found == {"WhatsApp": 1, "Texts and Markdown": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"\x00\x01",
        b"{'a': 1}",
        b"<html>",
        b'{"a": 1}',
        b"%PDF\x00",
        b"[]",
        b"[[1]]",
        b"a,b\n1,2\n",
        b"a;b\n1;2\n",
    ],
)
def test_what_is_no_text_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(UserError):
        registry.find_exports(tmp_path / "a", with_texts=True)


def test_a_long_text_is_parted_outside_of_code_and_too_long_a_post_is_left_out(tmp_path: Path) -> None:
    path, log = tmp_path / "a.md", ImportLog(texts="posts")
    block = "```\n" + "\n".join(["x" * 90, ""] * 900) + "\n```\n\n"
    path.write_text(block * 2, encoding="utf-8")
    assert [document.text for document in read(path, "facts")] == [block.rstrip()] * 2
    (export,) = registry.find_exports(path, with_texts=True)
    assert (list(export.read(log)), list(log.skipped)) == ([], ["longer than 100,000 characters"])


def test_a_text_without_an_empty_line_is_parted_at_a_line_end(tmp_path: Path) -> None:
    line = "We sailed home.\n"
    (tmp_path / "a.txt").write_text(line * 20_000, encoding="utf-8")
    pieces = [document.text for document in read(tmp_path / "a.txt", "facts")]
    assert max(map(len, pieces)) <= LONGEST_TEXT
    assert "\n".join(pieces) == (line * 20_000).rstrip()


@pytest.mark.parametrize(("use", "text"), [("facts", "# The quay\n\nSo."), ("posts", "# The quay\n\nSo.")])
def test_a_title_that_is_a_heading_too_stands_once(use: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: The quay\n---\n\n# The quay\n\nSo.\n", encoding="utf-8")
    assert [each.text.strip() for each in read(tmp_path, use)] == [text]


def test_a_post_has_no_words_that_it_quotes(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("> His words.\n> More.\n\nMine.\n", encoding="utf-8")
    assert [each.text for each in read(tmp_path, "posts")] == ["Mine."]


@pytest.mark.parametrize("use", ["facts", "posts"])
def test_a_text_that_looks_like_a_chat_is_refused(use: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Ana: tea?\nBo: oil\n" * 3, encoding="utf-8")
    with pytest.raises(UserError, match="looks like a chat of Ana and Bo"):
        read(tmp_path / "a.txt", use)


def test_the_command_takes_texts_and_says_so(persona: PersonaFolder, tmp_path: Path) -> None:
    (tmp_path / "diary").mkdir()
    (tmp_path / "diary/2024-01-15.md").write_text("We sailed.\n", encoding="utf-8")
    assert persona.run(tmp_path / "diary").returncode == 2
    first = persona.run(tmp_path / "diary", **{"as": "facts"})
    assert first.stdout.splitlines()[0] == "Texts and Markdown: 1 new message, 0 known before."
    assert "Kept: 1 texts for the stage of facts." in first.stdout
    again = persona.json(tmp_path / "diary", **{"as": "facts"})
    assert (again["added"], again["known"]) == (0, 1)


@pytest.mark.parametrize("use", ["facts", "posts"])
@pytest.mark.parametrize("line", ["---\n", "```\n", "title: x\n", "\n", "words\n", "2024-01-15 "])
def test_texts_take_linear_time(use: str, line: str, tmp_path: Path) -> None:
    works = []
    for times in (500, 1000, 2000):
        path = tmp_path / f"{times}.md"
        path.write_text("a\n" + line * times, encoding="utf-8")
        works.append(count_work(partial(read, path, use)))
    assert max(growth(one, other) for one, other in pairwise(works)) <= MOST
