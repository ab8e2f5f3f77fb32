"""The order of day, month and year in a WhatsApp file, which shows it by its dates alone."""

from datetime import date
from itertools import pairwise

from bot.errors import UserError
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Source

DateOrder = tuple[int, int, int]  # the places of year, month and day among three numbers
_DAY_FIRST: DateOrder = (2, 1, 0)
_MONTH_FIRST: DateOrder = (2, 0, 1)
_ORDERS: tuple[DateOrder, ...] = ((0, 1, 2), _DAY_FIRST, _MONTH_FIRST)


def find_date_order(source: Source, dates: list[tuple[int, int, int]], log: ImportLog) -> DateOrder:
    """Return the order in which every date exists and time goes back the least; at a draw, --dates decides.

    Raises UserError for dates that fit no order, and for a draw without --dates.
    """
    steps_back: dict[DateOrder, int] = {}
    for order in _ORDERS:
        try:
            days = [to_date(numbers, order) for numbers in dates]
        except ValueError:
            continue
        steps_back[order] = sum(later < earlier for earlier, later in pairwise(days))
    if not steps_back:
        raise UserError(f"{source} has dates that no calendar knows: export the chat again.")
    best = [order for order in steps_back if steps_back[order] == min(steps_back.values())]
    if len(best) == 1 or all(len({to_date(numbers, order) for order in best}) == 1 for numbers in dates):
        return best[0]
    if not log.dates:
        first = "/".join(map(str, dates[0]))
        raise UserError(f"{source}: is {first} day or month first? Say --dates day or --dates month.")
    return _DAY_FIRST if log.dates == "day" else _MONTH_FIRST


def to_date(numbers: tuple[int, int, int], order: DateOrder) -> date:
    """Return the date. Raises ValueError if it does not exist or is outside of 2009 to 2079."""
    year, month, day = (numbers[place] for place in order)
    if not 9 <= year % 2000 < 80:
        raise ValueError(f"{year} is no year of WhatsApp")
    return date(year % 2000 + 2000, month, day)
