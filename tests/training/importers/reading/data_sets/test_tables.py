"""Data sets in CSV tables: each row is a record."""

from pathlib import Path

import pytest

from training.importers import registry
from training.importers.reading.import_log import ImportLog

Q, A = "where is the ladder", "behind the shed"
TABLES = {
    "questions": (f'question,answer\n"{Q}",{A}\n', "Questions and answers"),
    "alpaca, with a mark of order": (f"\ufeffInstruction,Input,Output\n{Q},,{A}\n", "Alpaca"),
    "preferences": (f"prompt,chosen,rejected\n{Q},{A},nowhere\n", "Questions and answers"),
}


@pytest.mark.parametrize(("text", "title"), TABLES.values(), ids=TABLES)
def test_rows_of_a_table_are_records(text: str, title: str, tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text(text, encoding="utf-8")
    (export,) = registry.find_exports(tmp_path / "set.csv")
    assert title == export.importer.TITLE
    assert [(message.text, message.is_self) for message in export.read(ImportLog())] == [
        (Q, False),
        (A, True),
    ]
