"""Macros in card texts, expanded when a prompt is made: who speaks now decides what {{user}} means."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

_MACRO = re.compile(r"\{\{((?:[^{}]|\{(?!\{)|\}(?!\}))*)\}\}|<(BOT|USER|CHAR)>", re.IGNORECASE)
_COMMA = re.compile(r"(?<!\\),")


@dataclass(frozen=True, slots=True)
class Scene:
    """What macros stand for: the character, the current speaker, and dice that decide the random ones."""

    char: str
    user: str
    original: str = ""  # the text that the one being expanded replaces
    seed: str = ""  # equal seeds give equal choices, so that a prompt's beginning stays as it was


def expand(text: str, scene: Scene) -> str:
    """Replace every known macro, innermost first; unknown ones stay as they are."""
    dice, pick = Random(scene.seed), Random(f"{scene.seed}/{text}")

    def replace(match: re.Match[str]) -> str:
        body = match[1] if match[1] is not None else match[2]
        value = _value(body, scene, dice, pick)
        return match[0] if value is None else value

    for _ in range(3):  # a macro may stand inside another one's arguments
        before, text = text, _MACRO.sub(replace, text)
        if text == before:
            break
    return text


def _value(body: str, scene: Scene, dice: Random, pick: Random) -> str | None:
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
    return str(dice.randint(1, int(sides))) if sides.isdecimal() and 0 < int(sides) < 10**6 else None
