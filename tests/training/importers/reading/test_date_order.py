"""Day or month first: the whole file decides, and only where it leaves that open, --dates does."""

from datetime import date
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.errors import UserError
from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS
from training.importers.reading.date_order import (
    DAY_FIRST,
    MONTH_FIRST,
    YEAR_FIRST,
    DateOrder,
    find_date_order,
    to_date,
)
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Source

SOURCE = Source("chat.txt", "", 0, BytesIO)
ORDERS = {"day": DAY_FIRST, "month": MONTH_FIRST}

DECIDED = {
    "a day above twelve": ([(3, 4, 20), (13, 4, 20)], "/", DAY_FIRST),
    "a month would be above twelve": ([(3, 4, 20), (3, 14, 20)], "/", MONTH_FIRST),
    "time would go back": ([(9, 3, 20), (2, 4, 20)], "/", DAY_FIRST),
    "dots": ([(3, 4, 20), (3, 5, 20)], ".", DAY_FIRST),
    "a year of four digits": ([(2020, 3, 4)], "/", YEAR_FIRST),
    "a year of two digits behind": ([(20, 3, 24), (21, 3, 24)], "/", DAY_FIRST),
    "a year of two digits before": ([(24, 3, 20), (24, 3, 21)], ".", YEAR_FIRST),
    "a single day": ([(20, 3, 24)], "/", DAY_FIRST),
    "one number for both": ([(4, 4, 20)], "/", DAY_FIRST),
    "Buddhist years": ([(20, 3, 2567)], "/", DAY_FIRST),
    "Persian years": ([(1403, 12, 30)], "/", YEAR_FIRST),
}


@pytest.mark.parametrize(("dates", "sign", "order"), DECIDED.values(), ids=DECIDED)
def test_a_file_decides(dates: list[tuple[int, int, int]], sign: str, order: DateOrder) -> None:
    assert find_date_order(SOURCE, dates, ImportLog(), sign) == order


@pytest.mark.parametrize("answer", ["day", "month"])
def test_the_answer_counts_where_a_file_leaves_it_open(answer: str) -> None:
    log = ImportLog(dates="day" if answer == "day" else "month")
    assert find_date_order(SOURCE, [(3, 4, 20), (3, 5, 20)], log) == ORDERS[answer]


@pytest.mark.parametrize(
    ("dates", "log", "reason"),
    [
        (
            [(3, 4, 20)],
            ImportLog(),
            "chat.txt: is 3/4/20 day or month first? Say --dates day or --dates month.",
        ),
        ([(31, 31, 31)], ImportLog(), "chat.txt has dates that no calendar knows: export the chat again."),
    ],
)
def test_what_remains_open_is_a_sentence(
    dates: list[tuple[int, int, int]], log: ImportLog, reason: str
) -> None:
    with pytest.raises(UserError) as refused:
        find_date_order(SOURCE, dates, log)
    assert str(refused.value) == reason


def test_a_wrong_answer_is_a_sentence_and_changes_no_date(persona: PersonaFolder) -> None:
    path = EXPORTS / "whatsapp/short dates"
    summary = persona.json(path, me="Ada", dates="month")
    sentence = "does not have the month first, as 20/3/24 shows: --dates does not count there."
    assert summary["notes"] == [f"{path}: _chat.txt {sentence}"]
    assert [summary["chats"][0][end] for end in ("first", "last")] == ["2024-03-20", "2024-03-21"]


@pytest.mark.parametrize(
    ("persian", "day"),
    [
        ((1388, 1, 1), date(2009, 3, 21)),
        ((1399, 12, 30), date(2021, 3, 20)),
        ((1400, 1, 1), date(2021, 3, 21)),
        ((1402, 12, 29), date(2024, 3, 19)),
        ((1403, 7, 1), date(2024, 9, 22)),
        ((1403, 12, 30), date(2025, 3, 20)),
        ((1404, 6, 31), date(2025, 9, 22)),
    ],
)
def test_a_persian_day_is_the_day_of_gregory(persian: tuple[int, int, int], day: date) -> None:
    assert to_date(persian, YEAR_FIRST) == day


@pytest.mark.parametrize("wrong", [(1402, 12, 30), (1404, 7, 31), (2008, 1, 1), (1403, 13, 1), (0, 1, 1)])
def test_a_day_that_does_not_exist_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_date(wrong, YEAR_FIRST)


@given(day=some.dates(date(2009, 1, 1), date(2049, 12, 31)))
def test_a_year_may_be_short_or_buddhist(day: date) -> None:
    years = (day.year, day.year - 2000, day.year + 543)
    assert {to_date((day.day, day.month, year), DAY_FIRST) for year in years} == {day}
