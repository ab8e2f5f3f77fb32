"""A fault in JSON is told with its line, its column and plain words, whatever decoded it."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.errors import UserError
from bot.json_fault import json_fault, line_fault
from bot.untrusted import RefusedFile, parse_json
from training.dataset.splits import read_excerpts
from training.dataset.workspace import BUILD_RECORD, read_build_record
from training.store.selves import SELVES, read_selves

BROKEN = '{\n "小": "é"\n "b": 1}'


def fault(decode: Any, text: str | bytes) -> str:
    try:
        decode(text)
    except (ValueError, RecursionError) as error:
        return json_fault(text, error)
    return ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BROKEN, "line 3, column 2: a comma is missing"),
        ('{"a": 1}\n}', "line 2, column 1: something stands behind the end"),
        ('{\n"a" 1}', "line 2, column 5: a colon is missing"),
        ('["a\n"]', "line 1, column 4: a text holds a line's end or another control character"),
        ("[" * 100_000, "it is nested too deep"),
    ],
)
def test_the_place_that_json_found_is_told(text: str, told: str) -> None:
    assert fault(json.loads, text) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BROKEN, "line 3, column 2: expected ',' or '}'"),
        ('{"é": x}', "line 1, column 7: invalid character"),
        ('{"a":\n [1,', "line 2, column 5: it ends in the middle"),
    ],
)
def test_the_place_that_msgspec_found_is_told(text: str, told: str) -> None:
    assert fault(msgspec.json.decode, text.encode()) == told


def test_text_that_is_not_utf_8_is_told_with_its_place() -> None:
    assert fault(bytes.decode, b'{\n "a": "\xff"}') == "line 2, column 8: it is not UTF-8 text"


def test_a_line_of_json_lines_is_told_its_column_alone() -> None:
    with pytest.raises(ValueError, match="byte") as caught:
        msgspec.json.decode(b'{"a" 1}')
    assert line_fault(b'{"a" 1}', caught.value) == "column 6: expected ':'"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BROKEN, "card.json is not valid JSON (line 3, column 2: a comma is missing)"),
        ('{"a": 1, "a": 2}', "card.json is not valid JSON (the key 'a' stands there twice)"),
        ('{"a": NaN}', "card.json is not valid JSON (NaN is not JSON)"),
    ],
)
def test_an_untrusted_file_is_refused_with_the_place(text: str, told: str) -> None:
    with pytest.raises(RefusedFile) as refused:
        parse_json(text.encode(), "card.json")
    assert refused.value.reason == told


# each file of a persona's work folder that people may edit or copy: name, content, reader and the sentence
FILES: dict[str, tuple[str, Any, str]] = {
    SELVES: ('{\n "x": ["1"]\n', read_selves, "line 3, column 1: it ends in the middle"),
    BUILD_RECORD: ('{"a"', read_build_record, "line 1, column 5: it ends in the middle"),
    "train.jsonl": (
        "{}}\n",
        lambda work: list(read_excerpts(work / "train.jsonl")),
        "train.jsonl, line 1, cannot",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_the_work_folder_is_refused_with_the_place(name: str, tmp_path: Path) -> None:
    content, read, told = FILES[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError) as refused:
        read(tmp_path)
    assert told in str(refused.value)
    assert name in str(refused.value)
