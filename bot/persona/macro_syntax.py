"""The syntax of macros: name and argument between double braces, and the braces that are code."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAME = re.compile(r"[^\W\d][\w-]*")
_FLAGS = "#/!?~>.$"  # before a name: blocks of conditions, and another program's marks
_COMMA = re.compile(r"(?<!\\),")
_TIME_ZONE = re.compile(r"(time_utc)([+-]\d{1,2})$", re.IGNORECASE)
_LATEX = re.compile(r"(?:[=$]|[0-9A-Za-z)][_^]|\\[A-Za-z]{1,40}|\}\})$")  # before braces that are code
_LONGEST_LATEX = 42  # characters of that
_OPERATORS = frozenset("|=+-*/<>&%.([{,;")


class Value(str):
    """Text that a macro gave: no syntax is read in it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class MacroCall:
    """A macro's name in small letters, and its argument in pieces.

    The name is empty for a comment, and for braces around an inner macro alone.
    """

    name: str
    argument: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The argument as one text."""
        return "".join(self.argument).removeprefix(":")


def parse_call(body: Sequence[str]) -> MacroCall | None:
    """Return the call that stands between double braces, in pieces; None for what is no macro."""
    if not body:
        return None
    first = "" if isinstance(body[0], Value) else body[0].lstrip()
    if not first and any(isinstance(piece, Value) for piece in body[:2]):
        return MacroCall("", tuple(body))
    if first.startswith(("//", "?")):
        return MacroCall("")
    head = first.lstrip(_FLAGS).lstrip()
    if zone := _TIME_ZONE.match(head.rstrip()):
        return MacroCall("time_utc", (zone[2],))
    found = _NAME.match(head)
    if not found:
        return None
    name, rest = found[0].lower(), head[found.end() :]
    argument = rest.lstrip()
    if argument.startswith((":", "：")):
        return MacroCall(name, (argument[1:], *body[1:]))
    if rest and (argument == rest or argument[:1] in _OPERATORS):
        return None
    return MacroCall(name, (argument, *body[1:]) if argument or body[1:] else ())


def is_code(call: MacroCall, before: Sequence[str]) -> bool:
    """Return whether the braces of an unknown macro are rather code: `\\frac{{a}}{{b}}`, `style={{top: 1}}`.

    `before` is the text in front of them, in pieces. No macro has a name of one letter.
    """
    if call.argument and call.argument[0].startswith(":"):
        return False
    last = before[-1] if before else ""
    return (call.name.isascii() and len(call.name) == 1) or (
        not isinstance(last, Value) and bool(_LATEX.search(last[-_LONGEST_LATEX:]))
    )


def options_of(argument: Sequence[str]) -> list[str]:
    """Return the options of a choice: divided by "::" where that occurs, else by commas without a backslash.

    The values of inner macros are never divided.
    """
    pieces = [argument[0].removeprefix(":"), *argument[1:]] if argument else [""]
    doubled = any("::" in piece for piece in pieces if not isinstance(piece, Value))
    options: list[list[str]] = [[]]
    for piece in pieces:
        if isinstance(piece, Value):
            options[-1].append(piece)
            continue
        first, *others = piece.split("::") if doubled else _COMMA.split(piece)
        options[-1].append(first)
        options.extend([other] for other in others)
    joined = ("".join(option).strip() for option in options)
    return [option if doubled else option.replace("\\,", ",") for option in joined]
