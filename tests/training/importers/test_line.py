"""LINE's exports from phones and computers: days, hours, senders and texts of several lines."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from training.importers import registry
from training.importers.chats.line.rows import read_day, read_pc_row, read_row
from training.importers.reading.date_order import DAY_FIRST, MONTH_FIRST
from training.importers.reading.import_log import ImportLog
from training.store.messages import ExportedMessage

DAYS = {
    "2025.12.10 Wednesday": "2025-12-10",
    "2026/1/30(金)": "2026-01-30",
    "2026/01/30（五）": "2026-01-30",
    "2026/09/01 (อ)": "2026-09-01",
    "2026/09/01": "2026-09-01",
    "2569.01.30 วันศุกร์": "2026-01-30",
    "ศ. 28/11/2568": "2025-11-28",
    "Fri, 1/30/2026": "2026-01-30",
    "Tue, 3/2/2026": "2026-02-03",
    "Tue, 2/3/2026": "2026-02-03",
    "Jum, 30/01/2026": "2026-01-30",
}


@pytest.mark.parametrize(("line", "day"), DAYS.items(), ids=DAYS)
def test_a_row_of_a_day_is_read_in_every_language(line: str, day: str) -> None:
    row = read_day(line)
    assert row is not None
    assert str(row.to_day(DAY_FIRST)) == day


@pytest.mark.parametrize("line", ["", "12:30", "2026/13/40", "1/30/2026", "see you on 1/30/2026", "3.5.2"])
def test_a_line_with_other_words_is_no_day(line: str) -> None:
    assert read_day(line) is None


def test_without_a_known_weekday_the_whole_file_tells_day_from_month() -> None:
    row = read_day("Jum, 3/4/2026")
    assert row is not None
    assert [str(row.to_day(order)) for order in (DAY_FIRST, MONTH_FIRST)] == ["2026-04-03", "2026-03-04"]


@pytest.mark.parametrize(
    ("line", "clock"),
    [
        ("下午01:05\tA\thi", (13, 5)),
        ("午後1:05\tA\thi", (13, 5)),
        ("9:01 PM\tA\thi", (21, 1)),
        ("9:01 น.\tA\thi", None),
        ("24:53\tA\thi", (24, 53)),
        ("hello\tA\thi", None),
    ],
)
def test_a_row_has_a_time_with_words_of_cldr(line: str, clock: tuple[int, int] | None) -> None:
    row = read_row(line)
    assert (row and row[:2]) == clock


def read_chat(path: Path, text: str) -> list[ExportedMessage]:
    path.write_text(text, encoding="utf-8")
    return list(registry.read_exports(path, ImportLog()))


def test_hours_from_24_on_are_those_of_the_same_day(tmp_path: Path) -> None:
    text = "[LINE] Chat history with Bo\nSaved on: x\n\n2026/01/30(Fri)\n23:59\tBo\tlate\n25:10\tBo\tlater\n"
    times = [datetime.fromtimestamp(message.time, UTC) for message in read_chat(tmp_path / "a.txt", text)]
    assert [f"{time:%Y-%m-%d %H:%M}" for time in times] == ["2026-01-30 23:59", "2026-01-30 01:10"]


COMPUTER = """2025.05.15 วันพฤหัสบดี
08:35 Ana Reed hello
08:36 Bo so
08:37 Ana Reed รูป
08:38 Ana Reed two
lines
08:40 ยกเลิกข้อความแล้ว
08:41 Bo joined the chat.
08:42 Bo a\ttable

2025.05.16 วันศุกร์
09:00 Bo ☎ 0:22
09:01 Ana Reed bye
"""


def test_a_computers_rows_have_senders_of_several_words(tmp_path: Path) -> None:
    messages = read_chat(tmp_path / "[LINE]Ana Reed.txt", COMPUTER)
    assert [(message.author, message.kind, message.text) for message in messages] == [
        ("Ana Reed", "text", "hello"),
        ("Bo", "text", "so"),
        ("Ana Reed", "image", ""),
        ("Ana Reed", "text", "two\nlines"),
        ("", "notice", ""),
        ("Bo", "text", "a\ttable"),
        ("", "notice", ""),
        ("Ana Reed", "text", "bye"),
    ]
    assert {message.chat for message in messages} == {"Ana Reed"}
    assert {message.is_self for message in messages if message.author == "Bo"} == {True}


def test_a_computers_file_of_any_name_tells_a_name_by_its_rows(tmp_path: Path) -> None:
    messages = read_chat(tmp_path / "talk.txt", COMPUTER)
    assert {message.author for message in messages} == {"Ana Reed", "Bo", ""}
    assert {message.chat for message in messages} == {"Ana Reed & Bo"}


def test_a_line_with_a_quote_at_its_end_does_not_end_a_text(tmp_path: Path) -> None:
    head = "[LINE] Chat history with Bo\nSaved on: x\n\n2026/01/30(Fri)\n"
    rows = '10:00\tBo\t"one\ntwo ""2""\nthree"\n10:01\tBo\tfour\nfive\n\n2026/01/31(Sat)\n10:02\tBo\t"six\n'
    texts = [message.text for message in read_chat(tmp_path / "a.txt", head + rows)]
    assert texts == ['one\ntwo "2"\nthree', "four\nfive", '"six']


def test_a_row_of_a_computer_needs_a_name() -> None:
    assert read_pc_row("12:30") is None
    assert read_pc_row("12:30 ") is None
