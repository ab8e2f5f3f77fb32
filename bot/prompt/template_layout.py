"""Layouts of conversations by a chat template (Jinja), which is untrusted code."""

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Literal, NoReturn

import jinja2

from bot.prompt.template_day import DAY, PLACEHOLDER_DAY
from bot.prompt.template_day import format_day as _now
from bot.prompt.template_meter import build, metered, reason_of
from bot.prompt.template_sandbox import TemplateSandbox
from bot.sized_cache import SizedCache, cached_by_size

Role = Literal["system", "user", "assistant"]
NAME = "\ue002"  # stands for the persona's name in template text, whose control tokens it must not give
_SLOT = re.compile("\ue000([0-9]{1,9})\ue001")
_Layout = tuple[tuple[str | int, ...], str]  # the pieces, and the reason why there are none
_LAYOUTS: SizedCache[_Layout] = SizedCache(4_000_000)  # characters, and turns


def _size(
    layout: _Layout, source: str, special: object, roles: Sequence[Role], answer: bool, *more: object
) -> int:
    return 8 * len(roles) + sum(len(piece) if isinstance(piece, str) else 8 for piece in layout[0])


@cached_by_size(_LAYOUTS, _size)
def lay_out(
    source: str,
    special: tuple[tuple[str, str], ...],
    roles: tuple[Role, ...],
    answer: bool,
    thinking: bool,
    today: date | None,
) -> _Layout:
    """Return the layout of these roles, or the refusal; conversations share roles more often than words."""
    template = compile_template(source)
    if isinstance(template, Exception):
        return (), f"The chat template is not valid Jinja ({reason_of(template)})."
    try:
        with metered(len(roles)):
            text = _render(template, special, roles, answer, thinking, today)
    except Exception as error:  # the template is untrusted code and may fail in any way
        return (), f"The chat template refuses this conversation: {reason_of(error)}."
    pieces: list[str | int] = [*_SLOT.split(text)]
    pieces[1::2] = [int(index) for index in pieces[1::2]]
    if pieces[1::2] != list(range(len(roles))):
        return (), "The chat template drops or reorders turns: set model.template to another one."
    return tuple(piece for piece in pieces if piece != ""), ""


def _render(
    template: jinja2.Template,
    special: tuple[tuple[str, str], ...],
    roles: Sequence[Role],
    answer: bool,
    thinking: bool,
    today: date | None,
) -> str:
    DAY.set(today or PLACEHOLDER_DAY)
    turns = ({"role": role, "content": f"\ue000{index}\ue001"} for index, role in enumerate(roles))
    return template.render(
        messages=build(build(turn) for turn in turns),
        add_generation_prompt=answer,
        enable_thinking=thinking,
        thinking=thinking,
        date_string=_now("%d %b %Y"),
        tools=None,
        documents=None,
        char=NAME,
        **dict(special),
    )


def _refuse(reason: str) -> NoReturn:
    raise jinja2.TemplateError(reason)


@lru_cache(maxsize=1)
def _sandbox() -> TemplateSandbox:
    return TemplateSandbox({"raise_exception": _refuse, "strftime_now": _now})


@lru_cache(maxsize=32)
def compile_template(source: str) -> jinja2.Template | Exception:
    """Compile an untrusted template; return the error of one that is not valid."""
    try:
        return _sandbox().compile_bounded(source)
    except Exception as error:
        return error
