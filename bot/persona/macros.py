"""Macros in card texts. The prompt builder expands them, since {{user}} stands for the current speaker."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bot.errors import UserError
from bot.sized_cache import SizedCache, cached_by_size

MAX_EXPANDED = 200_000  # characters of one text with its macros expanded
_CACHE: SizedCache[str] = SizedCache(4_000_000)  # characters
_MARK = re.compile(r"(\{\{(?!\{)|\}\}|<(?:BOT|USER|CHAR)>)", re.IGNORECASE)
_DEEPEST = 8  # macros inside macros; without an end, the work would grow with the square of the text
_COMMA = re.compile(r"(?<!\\),")


@dataclass(frozen=True, slots=True)
class MacroContext:
    """Values of the macros: character, current speaker, and the seed of the random ones."""

    char: str
    user: str
    original: str = ""  # the text that the expanded text replaces
    seed: str = ""  # equal seeds give equal choices, so that the prefix of a prompt stays the same


@cached_by_size(_CACHE, lambda expanded, text, *_: len(expanded) + len(text))
def expand_macros(text: str, context: MacroContext, field: str = "text", limit: int = MAX_EXPANDED) -> str:
    """Replace every known macro, innermost first; unknown ones stay as they are.

    The value of a macro is not expanded again: a speaker named "{{char}}" keeps that name. Raises `UserError`
    that names the `field` where the values and the text around them have more than `limit` characters.
    """
    rng, pick = Random(context.seed), Random(f"{context.seed}/{text}")
    open_: list[list[str]] = [[]]  # text outside of all macros, then of each open macro
    room = limit  # also counts what a choice drops: the refusal must not depend on chance
    for piece in _MARK.split(text):
        value = None
        if piece == "{{" and len(open_) <= _DEEPEST:
            open_.append([])
            continue
        if piece == "}}" and len(open_) > 1:
            piece = "{{" + "".join(open_.pop()) + "}}"
            value = _value(piece[2:-2], context, rng, pick)
            room -= max(0, len(value or "") - len(piece))
        else:
            if _MARK.fullmatch(piece):
                value = _value(piece[1:-1], context, rng, pick)
            room -= len(piece if value is None else value)
        if room < 0:
            raise UserError(
                f'{context.char}\'s "{field}" has more than {limit:,} characters with its macros expanded: '
                "shorten it, or use fewer macros"
            )
        open_[-1].append(piece if value is None else value)
    return "{{".join("".join(held) for held in open_)


def _value(body: str, scene: MacroContext, rng: Random, pick: Random) -> str | None:
    if body.lstrip().startswith("//"):
        return ""
    name, _, argument = body.partition(":")
    names = {"char": scene.char, "bot": scene.char, "user": scene.user, "original": scene.original}
    known: dict[str, Callable[[], str | None]] = {
        "random": lambda: rng.choice(_options(argument)),
        "pick": lambda: pick.choice(_options(argument)),
        "roll": lambda: _roll(argument, rng),
        "reverse": lambda: argument[::-1],
        "comment": lambda: "",
        "hidden_key": lambda: "",
    }
    name = name.strip().lower()
    if not argument and name in names:
        return names[name]
    return known[name]() if argument and name in known else None


def _options(argument: str) -> list[str]:
    return [option.replace("\\,", ",") for option in _COMMA.split(argument)]


def _roll(argument: str, rng: Random) -> str | None:
    sides = argument.strip().lower().removeprefix("d")
    sides = sides if sides.isdecimal() and len(sides) <= 6 else "0"
    return str(rng.randint(1, int(sides))) if int(sides) else None
