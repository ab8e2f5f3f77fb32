"""The order of day, month and year in a text that shows it by its dates alone, and other calendars."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise

from bot.errors import UserError
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Source

DateOrder = tuple[int, int, int]  # the places of year, month and day among three numbers
Numbers = tuple[int, int, int]
YEAR_FIRST: DateOrder = (0, 1, 2)
DAY_FIRST: DateOrder = (2, 1, 0)
MONTH_FIRST: DateOrder = (2, 0, 1)
_ORDERS = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
_ANSWERS = {"day": DAY_FIRST, "month": MONTH_FIRST}
_EARLIEST, _LATEST = 2009, 2079  # years of messengers
_BUDDHIST = 543  # years before the Common Era (CLDR, calendar "buddhist")
_SHORT_BUDDHIST = 52  # two digits of a year from here on are Buddhist: 2552 is 2009, 2567 is 2024
_PERSIAN = range(1380, 1460)
_PERSIAN_CYCLE = 33  # years, with leap years at these places (arithmetic of the cycle: 1178 to 1633)
_PERSIAN_LEAPS = (1, 5, 9, 13, 17, 22, 26, 30)
_NOWRUZ_1403 = date(2024, 3, 20).toordinal()


def find_date_order(source: Source, dates: Sequence[Numbers], log: ImportLog, sign: str = "/") -> DateOrder:
    """Return the order in which every date exists and time goes back the least; at a draw, --dates decides.

    `sign` stands between the numbers. Where --dates names an order in which a date does not exist, a note
    says so. Raises UserError for dates that fit no order, and for a draw without --dates.
    """
    possible = {order: steps for order in _ORDERS if (steps := _steps_back(dates, order)) is not None}
    if not possible:
        raise UserError(f"{source} has dates that no calendar knows: export the chat again.")
    answer = _ANSWERS.get(log.dates)
    order = _decide(dates, possible, answer, sign)
    if order is None:
        first = sign.join(map(str, dates[0]))
        raise UserError(f"{source}: is {first} day or month first? Say --dates day or --dates month.")
    if answer and answer not in possible and order != YEAR_FIRST:
        wrong = _wrong_date(dates, answer, sign)
        log.note(
            f"{source} does not have the {log.dates} first, as {wrong} shows: --dates does not count there."
        )
    return order


def _decide(
    dates: Sequence[Numbers], possible: Mapping[DateOrder, int], answer: DateOrder | None, sign: str
) -> DateOrder | None:
    """Return the order that the dates show, or else the answer; None without one."""
    best = [order for order, steps in possible.items() if steps == min(possible.values())]
    if len(best) > 1 and YEAR_FIRST in best and _prefers_last(dates, best):
        best.remove(YEAR_FIRST)
    if len(best) == 1 or all(len({to_date(numbers, order) for order in best}) == 1 for numbers in dates):
        return best[0]
    if YEAR_FIRST in best:
        return YEAR_FIRST
    return answer if sign == "/" else DAY_FIRST  # CLDR has no locale with the month first and another sign


def _steps_back(dates: Iterable[Numbers], order: DateOrder) -> int | None:
    """Return how often time goes back in an order; None where a date does not exist."""
    try:
        days = [to_date(numbers, order) for numbers in dates]
    except ValueError:
        return None
    return sum(later < earlier for earlier, later in pairwise(days))


def _prefers_last(dates: Sequence[Numbers], orders: Iterable[DateOrder]) -> bool:
    """Return whether a file with years of two digits has them last: its dates then lie closer together."""
    spans = {}
    for order in orders:
        days = [to_date(numbers, order) for numbers in dates]
        spans[order] = max(days) - min(days)
    return min(span for order, span in spans.items() if order != YEAR_FIRST) <= spans[YEAR_FIRST]


def _wrong_date(dates: Iterable[Numbers], order: DateOrder, sign: str) -> str:
    for numbers in dates:
        try:
            to_date(numbers, order)
        except ValueError:
            return sign.join(map(str, numbers))
    return ""


def to_date(numbers: Numbers, order: DateOrder) -> date:
    """Return the date in Gregory's calendar; years may be Buddhist or Persian, or have two digits.

    Raises ValueError if it does not exist or is outside of 2009 to 2079.
    """
    year, month, day = (numbers[place] for place in order)
    is_persian = year in _PERSIAN
    found = _from_persian(year, month, day) if is_persian else date(_gregorian_year(year), month, day)
    if not _EARLIEST <= found.year <= _LATEST:
        raise ValueError(f"{year} is no year of a messenger")
    return found


def _gregorian_year(year: int) -> int:
    if _SHORT_BUDDHIST <= year < 100:
        return 2500 + year - _BUDDHIST
    if year < 100:
        return 2000 + year
    return year - _BUDDHIST if year >= _EARLIEST + _BUDDHIST else year


def _from_persian(year: int, month: int, day: int) -> date:
    """Return the date of a day of the Solar Hijri calendar: six months of 31 days, then of 30."""
    last = 30 if year % _PERSIAN_CYCLE in _PERSIAN_LEAPS else 29
    length = 31 if month <= 6 else 30 if month < 12 else last
    if not (1 <= month <= 12 and 1 <= day <= length):
        raise ValueError(f"{year}/{month}/{day} is no Persian date")
    before = 31 * (month - 1) if month <= 7 else 186 + 30 * (month - 7)
    return date.fromordinal(_NOWRUZ_1403 + _persian_days(year) - _persian_days(1403) + before + day - 1)


def _persian_days(year: int) -> int:
    """Return the days of all Persian years before this one."""
    cycles, rest = divmod(year - 1, _PERSIAN_CYCLE)
    leaps = len(_PERSIAN_LEAPS) * cycles + sum(leap <= rest for leap in _PERSIAN_LEAPS)
    return 365 * (year - 1) + leaps
