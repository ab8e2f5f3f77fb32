"""Filters and tests that a chat template may use, each bounded before it makes its result."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import jinja2
import jinja2.filters
import jinja2.runtime

from bot.prompt.template_meter import build, meter, refusal, weigh, weigh_all

_CONSTANT = frozenset("default d length count first last attr abs int float round".split())  # in one step
_BY_ITEM = frozenset("map select reject selectattr rejectattr".split())
_LINEAR = frozenset(
    "list items dictsort sort unique min max sum reverse string safe upper lower title capitalize trim "
    "escape e join replace indent tojson format".split()
)
_LOOKS = frozenset(  # tests that read the whole of a value
    "eq equalto == ne != lt lessthan < le <= gt greaterthan > ge >= in lower upper divisibleby".split()
)
_DIGITS = re.compile(r"[0-9]{4}|\*")
_NESTED = re.compile(r"\{[^{}]*\{")
_FIELD = 1000  # characters that a width or a precision can add
_MOST_DIGITS, _WIDEST, _DEEPEST = 20, 100, 16


def bounded_filters(environment: jinja2.Environment) -> dict[str, Callable[..., Any]]:
    """Return the permitted filters by name."""
    return {
        name: _bounded_filter(environment, name, jinja2.filters.FILTERS[name])
        for name in _CONSTANT | _BY_ITEM | _LINEAR
    }


def _bounded_filter(
    environment: jinja2.Environment, name: str, function: Callable[..., Any]
) -> Callable[..., Any]:
    wanted = getattr(getattr(function, "jinja_pass_arg", None), "name", "")

    @jinja2.pass_context  # also keeps the compiler from computing it
    def bounded(context: jinja2.runtime.Context, value: Any, *args: Any, **options: Any) -> Any:
        given = (*args, *options.values())
        meter().step(1, weigh_all(*given))
        if name not in _CONSTANT:
            value = build(value)
            meter().step(*_cost(name, value, given))
        if name in _CHECKS:
            _CHECKS[name](value, *args, **options)
        first = {
            "": (),
            "context": (context,),
            "eval_context": (context.eval_ctx,),
            "environment": (environment,),
        }[wanted]
        return build(function(*first, value, *args, **options))

    return bounded


def _cost(name: str, value: Any, given: tuple[Any, ...]) -> tuple[int, int]:
    """Return the steps and the characters that a filter reads."""
    if isinstance(value, jinja2.runtime.Undefined):
        return 1, 0
    items = len(value) if isinstance(value, list | tuple | dict | range) else 1
    if name in _BY_ITEM:
        return items, 16 * items + items * weigh_all(*given)
    return items, 16 * weigh(value)


def bounded_tests(tests: dict[str, Any]) -> dict[str, Any]:
    """Return tests of which those that read a whole value are counted."""
    return {name: _bounded_test(test) if name in _LOOKS else test for name, test in tests.items()}


def _bounded_test(test: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(test)
    def bounded(*values: Any) -> Any:
        meter().step(1, 8 * weigh_all(*values))
        return test(*values)

    return bounded


def check_format(text: str, values: Any) -> None:
    """Refuse a format string that makes more than its values: by widths, or by fields without end."""
    if _DIGITS.search(text) or _NESTED.search(text.replace("{{", "")):
        raise refusal("it formats text to a width of four digits, or of a value")
    fields = text.count("%") + text.count("{")
    meter().allow(len(text) + fields * (_FIELD + weigh(values)) if fields > 1 else len(text) + weigh(values))


def check_replacement(text: Any, old: Any, new: Any, count: Any = None) -> None:
    """Refuse a replacement that makes a text too long."""
    found = str(text).count(old) if isinstance(old, str) else 0
    meter().allow(weigh(text) + found * weigh(new))


def _check_join(value: Any, between: Any = "", attribute: Any = None) -> None:
    if isinstance(value, list | tuple | dict | str):
        meter().allow(weigh(value) + weigh(between) * len(value))


def _check_indent(text: Any, width: Any = 4, first: Any = False, blank: Any = False) -> None:
    if isinstance(width, int) and width > _WIDEST:
        raise refusal(f"it indents by more than {_WIDEST} characters")
    lines = str(text).count("\n") + 1
    meter().allow(weigh(text) + lines * (weigh(width) if isinstance(width, str) else _WIDEST))


def _check_trim(text: Any, characters: Any = None) -> None:
    if isinstance(characters, str):
        meter().step(1, weigh(text) * len(characters))


def _check_round(value: Any, precision: Any = 0, method: Any = "common") -> None:
    if isinstance(precision, int) and abs(precision) > _MOST_DIGITS:
        raise refusal(f"it rounds to more than {_MOST_DIGITS} digits")


def _check_sum(values: Any, attribute: Any = None, start: Any = 0) -> None:
    if not isinstance(start, int | float):
        raise refusal("it adds up what is no number")


def _check_json(value: Any, indent: Any = None) -> None:
    if isinstance(indent, str) or (isinstance(indent, int) and indent > _DEEPEST):
        raise refusal(f"it indents JSON by more than {_DEEPEST} characters")
    meter().allow(weigh(value) * (1 + (indent or 0)))


_CHECKS: dict[str, Callable[..., None]] = {
    "format": lambda text, *args, **options: check_format(str(text), (*args, *options.values())),
    "replace": check_replacement,
    "join": _check_join,
    "indent": _check_indent,
    "trim": _check_trim,
    "round": _check_round,
    "sum": _check_sum,
    "tojson": _check_json,
}
