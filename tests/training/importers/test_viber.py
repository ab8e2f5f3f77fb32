"""Viber's message history: cells, dates and texts of several lines, and no file of another format."""

from pathlib import Path

import pytest

from bot.errors import UserError
from training.importers import registry
from training.importers.reading.import_log import ImportLog

ROW = '="{day}"\t{clock}\t="{sender}"\t="+1000"\t"{text}"\n'


def read(path: Path, text: str, dates: str = "") -> list[tuple[str, str]]:
    path.write_text(text, encoding="utf-8")
    log = ImportLog(dates=dates)  # type: ignore[arg-type]
    return [(message.author, message.text) for message in registry.read_exports(path, log)]


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ('="17/08/2015"\t10:00:00\t="Bo"\t="+1000"\t"tea"', ("Bo", "tea")),
        ("17/08/2015,10:00:00,Bo,+1000,tea, please", ("Bo", "tea, please")),
        ("17/08/2015, 10:00:00, Bo, +1000, tea", ("Bo", "tea")),
        ("17/08/2015;10:00;Bo;+1000;tea;", ("Bo", "tea;")),
        ('17/08/2015,10:00,Bo,,"say ""tea"""', ("Bo", 'say "tea"')),
        ("17.08.2015,10:00 PM,Bo,+1000,tea", ("Bo", "tea")),
        ("2015-08-17,10:00:00,Bo,+1000,tea", ("Bo", "tea")),
        ('="17/08/2015"\t10:00:00\t="Bo"\t="01XXXXXXX"\t"tea"', ("Bo", "tea")),
    ],
)
def test_a_row_is_read(row: str, shown: tuple[str, str], tmp_path: Path) -> None:
    assert read(tmp_path / "Bo.csv", f"{row}\n") == [shown]


def test_a_date_that_could_be_two_is_asked_for(tmp_path: Path) -> None:
    row = ROW.format(day="02/01/2015", clock="10:00:00", sender="Bo", text="tea")
    with pytest.raises(UserError, match="is 2/1/2015 day or month first"):
        read(tmp_path / "Bo.csv", row)
    assert read(tmp_path / "Bo.csv", row, dates="day") == [("Bo", "tea")]


@pytest.mark.parametrize("clock", ["25:00:00", "10:99:00"])
def test_a_time_that_does_not_exist_is_counted(clock: str, tmp_path: Path) -> None:
    row = ROW.format(day="17/08/2015", clock=clock, sender="Bo", text="tea")
    assert read(tmp_path / "Bo.csv", row) == []


def test_the_word_for_me_is_that_of_the_phone(tmp_path: Path) -> None:
    path = tmp_path / "Bo.csv"
    rows = [
        ROW.format(day="17/08/2015", clock="10:00:00", sender=sender, text="tea") for sender in ("Bo", "Я")
    ]
    path.write_text("".join(rows), encoding="utf-8")
    assert [message.is_self for message in registry.read_exports(path)] == [False, True]


@pytest.mark.parametrize(
    "line",
    [
        "17/08/2015, 10:00 - Bo: tea",
        "[17/08/2015, 10:00:00] Bo: tea",
        "17/08/2015,10:00:00,Bo,a note on tea",
        "id,date,text",
    ],
)
def test_a_line_of_another_format_is_no_row(line: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"{line}\n", encoding="utf-8")
    try:
        titles = [export.importer.TITLE for export in registry.find_exports(path)]
    except UserError:
        titles = []
    assert "Viber" not in titles
