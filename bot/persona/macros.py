"""Macros in card texts, expanded when a prompt is made: who speaks now decides what {{user}} means."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

_MARK = re.compile(r"(\{\{(?!\{)|\}\}|<(?:BOT|USER|CHAR)>)", re.IGNORECASE)
_DEEPEST = 8  # macros inside macros; without an end, the work would grow with the square of the text
_COMMA = re.compile(r"(?<!\\),")


@dataclass(frozen=True, slots=True)
class MacroContext:
    """What macros stand for: the character, the current speaker, and dice that decide the random ones."""

    char: str
    user: str
    original: str = ""  # the text that the one being expanded replaces
    seed: str = ""  # equal seeds give equal choices, so that a prompt's beginning stays as it was


@lru_cache(maxsize=1024)
def expand_macros(text: str, scene: MacroContext) -> str:
    """Replace every known macro, innermost first; unknown ones stay as they are.

    What a macro gave is not read again: a speaker who is called "{{char}}" stays called so.
    """
    dice, pick = Random(scene.seed), Random(f"{scene.seed}/{text}")
    open_: list[list[str]] = [[]]  # the text outside of all macros, then what each open macro holds so far
    for piece in _MARK.split(text):
        value = None
        if piece == "{{" and len(open_) <= _DEEPEST:
            open_.append([])
            continue
        if piece == "}}" and len(open_) > 1:
            piece = "{{" + "".join(open_.pop()) + "}}"
            value = _value(piece[2:-2], scene, dice, pick)
        elif _MARK.fullmatch(piece):
            value = _value(piece[1:-1], scene, dice, pick)
        open_[-1].append(piece if value is None else value)
    return "{{".join("".join(held) for held in open_)


def _value(body: str, scene: MacroContext, dice: Random, pick: Random) -> str | None:
    if body.lstrip().startswith("//"):
        return ""
    name, _, argument = body.partition(":")
    names = {"char": scene.char, "bot": scene.char, "user": scene.user, "original": scene.original}
    known: dict[str, Callable[[], str | None]] = {
        "random": lambda: dice.choice(_options(argument)),
        "pick": lambda: pick.choice(_options(argument)),
        "roll": lambda: _roll(argument, dice),
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


def _roll(argument: str, dice: Random) -> str | None:
    sides = argument.strip().lower().removeprefix("d")
    sides = sides if sides.isdecimal() and len(sides) <= 6 else "0"
    return str(dice.randint(1, int(sides))) if int(sides) else None
