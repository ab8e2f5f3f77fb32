"""The first line of a WhatsApp message in the languages of phones: the day, the time and the author."""

import re
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from training.importers import registry
from training.importers.chats.whatsapp.header import parse_header
from training.importers.reading.import_log import ImportLog

# the lines of exports that others saw (starkdmi/whats_json), and after them the forms of CLDR
LINES = {
    "[3/18/22, 14:56:01] Ana: hi": "2022-03-18 14:56:01",
    "[3/27/2565 BE, 21:41:35] Ana: hi": "2022-03-27 21:41:35",
    "\u200e[3/27/R4, 21:41:55] Ana: hi": "2022-03-27 21:41:55",
    "[14:56:01, 3/18/22] Ana: hi": "2022-03-18 14:56:01",
    "[3/18/22 14.56.01] Ana: hi": "2022-03-18 14:56:01",
    "\u200f[\u200f18\u200f/3\u200f/2022، 14:56:01] Ana: hi": "2022-03-18 14:56:01",
    "[١٨\u200f/٣\u200f/٢٠٢٢، ٢:٥٦:٠٠ م] Ana: hi": "2022-03-18 14:56:00",
    "23.03.22 13:31 - Ana: hi": "2022-03-23 13:31:00",
    "23-03-2022 13:31 - Ana: hi": "2022-03-23 13:31:00",
    "۱۴۰۳/۱/۲،\u200f ۱۷:۰۴ - Ana: hi": "2024-03-21 17:04:00",
    "२०/३/२४, ५:०४ pm - Ana: hi": "2024-03-20 17:04:00",
    "20/03/2024, 5:04 अपराह्न - Ana: hi": "2024-03-20 17:04:00",
    "20/3/67 17:04 - Ana: hi": "2024-03-20 17:04:00",
    "20/3/2567 พ.ศ. 17:04 - Ana: hi": "2024-03-20 17:04:00",
    "20.3.2024 г., 17:04 - Ana: hi": "2024-03-20 17:04:00",
    "20.3.2024 klo 17.04 - Ana: hi": "2024-03-20 17:04:00",
    "2024. 03. 20. 17:04 - Ana: hi": "2024-03-20 17:04:00",
    "2024. 3. 20. 오후 5:04 - Ana: hi": "2024-03-20 17:04:00",
    "2024년 3월 20일 오후 5:04 - Ana: hi": "2024-03-20 17:04:00",
    "2024年3月20日 下午5:04 - Ana: hi": "2024-03-20 17:04:00",
    "20/3/24, 5:04 μ.μ. - Ana: hi": "2024-03-20 17:04:00",
    "20/03/2024, 5:04\u202fPTG - Ana: hi": "2024-03-20 17:04:00",
    "20.3.2024, 5:04 e pasdites - Ana: hi": "2024-03-20 17:04:00",
    "20/3/24, 5:04\u202fp.\u00a0m. - Ana: hi": "2024-03-20 17:04:00",
    "2024/03/20 24:04 - Ana: hi": "2024-03-20 00:04:00",
}
NOT_LINES = [
    "20/3/24, 17:61 - Ana: hi",
    "20/3/24, 25:04 - Ana: hi",
    "20/3/24, 5:04 cups - Ana: hi",
    "20.3.2024 in the evening 18:00 - Ana: hi",
    "on 20/3/24, 17:04 - Ana: hi",
    "3/4 cups, 17:04",
]


@pytest.mark.parametrize(("line", "moment"), LINES.items(), ids=LINES)
def test_a_line_begins_a_message_at_its_time(line: str, moment: str, tmp_path: Path) -> None:
    path = tmp_path / "_chat.txt"
    path.write_text(f"{line}\n", encoding="utf-8")
    (message,) = registry.read_exports(path, ImportLog())
    assert (message.author, message.text) == ("Ana", "hi")
    assert message.time == datetime.fromisoformat(f"{moment}+00:00").timestamp()


@pytest.mark.parametrize("line", NOT_LINES)
def test_a_line_without_a_date_of_whatsapp_goes_on_a_message(line: str) -> None:
    assert parse_header(line) is None


@pytest.mark.parametrize(
    ("rest", "author"),
    [
        ("Ana: hi", "Ana"),
        ("~ Ana: hi", "Ana"),
        ('Ana "Annie" Reed: hi', 'Ana "Annie" Reed'),
        ('Bob changed the subject from "a: b" to "c"', ""),
        ("Bob hat den Betreff zu „a: b“ geändert", ""),
        ("Bob a remplacé le sujet par « a: b »", ""),
        ("Bob added Cem", ""),
    ],
)
def test_a_quotation_with_a_colon_is_no_author(rest: str, author: str) -> None:
    header = parse_header(f"20/03/2026, 10:09 - {rest}")
    assert header is not None
    assert header.author == author


MARK = some.sampled_from(["", "\u200e", "\u200f", "\u202a", "\u202c", "\u2068"])
DIGITS = some.sampled_from(["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "০১২৩৪৫৬৭৮৯"])


@given(
    moment=some.datetimes(datetime(2010, 1, 1), datetime(2049, 12, 31)),
    digits=DIGITS,
    marks=some.lists(MARK, min_size=4, max_size=4),
    sign=some.sampled_from("/.-"),
    is_ios=some.booleans(),
)
def test_digits_and_marks_of_any_script_change_nothing(
    moment: datetime, digits: str, marks: list[str], sign: str, is_ios: bool
) -> None:
    text = f"{moment.day}{marks[0]}{sign}{marks[1]}{moment.month}{sign}{moment.year}, {moment:%H:%M:%S}"
    text = re.sub("[0-9]", lambda found: digits[int(found[0])], text)
    line = f"{marks[2]}[{text}]{marks[3]} Ana: hi" if is_ios else f"{marks[2]}{text} -{marks[3]} Ana: hi"
    header = parse_header(line)
    assert header is not None
    assert header[:5] == (
        (moment.day, moment.month, moment.year),
        (moment.hour, moment.minute, moment.second),
        True,
        "Ana",
        "hi",
    )
