"""Macros in card texts. The prompt builder expands them, since {{user}} stands for the current speaker.

The dialects are those of SillyTavern, of the V3 card (curly braced syntaxes) and of RisuAI. A macro is
replaced by its value; one that is unknown, or has no value here, is removed, so that nobody reads its braces.
"""

import re
from dataclasses import dataclass, replace
from random import Random

from bot.errors import UserError
from bot.persona.macro_syntax import MacroCall, Value, is_code, options_of, parse_call
from bot.persona.macro_times import show_time
from bot.sized_cache import SizedCache, cached_by_size

MAX_EXPANDED = 200_000  # characters of one text with its macros expanded
_CACHE: SizedCache[str] = SizedCache(4_000_000)  # characters
_MARK = re.compile(r"(\{\{(?!\{)|\}\}|<(?:BOT|USER|CHAR|GROUP|CHARIFNOTGROUP)>)", re.IGNORECASE)
_DEEPEST = (
    8  # macros inside macros; deeper ones are removed, else work would grow with the square of the text
)
_DICE = re.compile(r"(?:(\d{0,3})d)?(\d{1,6})([+-]\d{1,6})?")
_MOST_DICE, _MOST_BLANKS = 100, 10
_CHARACTER = frozenset("char bot charifnotgroup group groupnotmuted".split())
_USER = frozenset("user notchar".split())
_BLANKS = {"newline": "\n", "br": "\n", "space": " "}
_TIMES = frozenset("time date weekday isotime isodate datetimeformat time_utc".split())
# known, without a value here: what is volatile, or another program's
_WITHOUT_VALUE = frozenset(
    """comment hidden_key trim noop blank none persona input model lastmessage lastusermessage lastcharmessage
    lastmessageid firstincludedmessageid currentswipeid lastswipeid idle_duration idleduration timediff pipe
    addvar incvar decvar setglobalvar addglobalvar incglobalvar decglobalvar getglobalvar banned
    if else endif each maxprompt outlet ismobile""".split()
)


@dataclass(frozen=True, slots=True)
class MacroContext:
    """Values of the macros: character, current speaker, and the seed of the random ones.

    `time` (Unix seconds) is shown by macros of date and time; None removes them, so that the beginning of
    a prompt is the same on each day. `texts` are the card's, by the macro that stands for them.
    """

    char: str
    user: str
    original: str = ""  # the text that the expanded text replaces
    seed: str = ""  # equal seeds give equal choices, so that the prefix of a prompt stays the same
    time: float | None = None
    texts: tuple[tuple[str, str], ...] = ()


@cached_by_size(_CACHE, lambda expanded, text, *_: len(expanded) + len(text))
def expand_macros(text: str, context: MacroContext, field: str = "text", limit: int = MAX_EXPANDED) -> str:
    """Replace every macro, innermost first; braces of code, such as those of Jinja and LaTeX, stay.

    The value of a macro is not expanded again: a speaker named "{{char}}" keeps that name. Raises `UserError`
    that names the `field` where the values and the text around them have more than `limit` characters.
    """
    values = _Values(context, text)
    open_: list[list[str]] = [[]]  # text outside of all macros, then of each open macro
    room = limit  # also counts what a choice drops: the refusal must not depend on chance
    for piece in filter(None, _MARK.split(text)):
        if piece == "{{":
            open_.append([])
            continue
        if piece == "}}" and len(open_) > 1:
            body = open_.pop()
            value = values.value(body, open_[-1]) if len(open_) <= _DEEPEST else ""
            room -= 4 if value is None else max(0, len(value) - sum(map(len, body)) - 4)
            open_[-1].extend(["{{", *body, "}}"] if value is None else [Value(value)])
        else:
            marked = values.of_mark(piece) if _MARK.fullmatch(piece) else None
            room -= len(piece if marked is None else marked)
            open_[-1].append(piece if marked is None else Value(marked))
        if room < 0:
            raise UserError(
                f'{context.char}\'s "{field}" has more than {limit:,} characters with its macros expanded: '
                "shorten it, or use fewer macros"
            )
    return "{{".join("".join(held) for held in open_)


class _Values:
    """The values of one text's macros."""

    def __init__(self, context: MacroContext, text: str) -> None:
        self._context = context
        self._random, self._pick = Random(context.seed), Random(f"{context.seed}/{text}")
        self._texts, self._variables = dict(context.texts), dict[str, str]()

    def of_mark(self, mark: str) -> str | None:
        """Return the value of an old mark such as <USER>; None for braces."""
        if mark[0] != "<":
            return None
        return self._context.user if mark[1:-1].casefold() == "user" else self._context.char

    def value(self, body: list[str], before: list[str]) -> str | None:
        """Return the value of a macro; None for braces that are no macro.

        `body` is the text between the braces and `before` the text in front of them, in pieces.
        """
        call = parse_call(body)
        if call is None:
            return None
        known = self._known(call)
        if known is not None:
            return known
        return None if is_code(call, before) else ""

    def _known(self, call: MacroCall) -> str | None:
        name, context = call.name, self._context
        if not name:
            return call.text.strip()
        if name in _CHARACTER:
            return context.char
        if name in _USER or name.startswith("random_user_"):
            return context.user
        if name == "original":
            return context.original
        if name in self._texts:
            return expand_macros(self._texts[name], replace(context, texts=()), name)
        if name in _BLANKS:
            return _BLANKS[name] * _number(call, 1, _MOST_BLANKS)
        if name in _TIMES:
            return show_time(name, call.text, context.time)
        if name in ("random", "pick", "roll", "reverse"):
            return self._chosen(call)
        if name in ("setvar", "getvar"):
            return self._variable(call)
        return "" if name in _WITHOUT_VALUE else None

    def _variable(self, call: MacroCall) -> str:
        """Return the value of a variable that the same text has set before, or set it and return nothing."""
        variable, *value = options_of(call.argument)
        if call.name == "getvar":
            return self._variables.get(variable, "")
        self._variables[variable] = "::".join(value)
        return ""

    def _chosen(self, call: MacroCall) -> str:
        if call.name == "reverse":
            return call.text[::-1]
        if call.name == "roll":
            return _roll(call.text, self._random)
        source = self._random if call.name == "random" else self._pick
        return source.choice(options_of(call.argument))


def _number(call: MacroCall, default: int, most: int) -> int:
    digits = call.text.strip()
    return min(int(digits), most) if digits.isdecimal() and len(digits) <= 3 else default


def _roll(formula: str, source: Random) -> str:
    """Return the sum of some dice ("6", "d6", "2d6+1"); empty for what is no formula."""
    found = _DICE.fullmatch("".join(formula.split()).lower())
    if not found:
        return ""
    count, sides, more = int(found[1] or 1), int(found[2]), int(found[3] or 0)
    if not sides or not 0 < count <= _MOST_DICE:
        return ""
    return str(sum(source.randint(1, sides) for _ in range(count)) + more)
