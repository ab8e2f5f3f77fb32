"""The adapter of a persona that fits a base model, for the commands that read one."""

import shlex
from pathlib import Path

from bot.adapter.base_match import ServedBase
from bot.adapter.choice import choose_adapter
from bot.errors import UserError
from bot.persona.persona import Persona


def persona_adapter(persona: Persona, base: ServedBase) -> Path:
    """Return the folder of the persona's adapter for a base model.

    Raises `UserError` that names the command which makes one, or the base models that its adapters wait for.
    """
    choice = choose_adapter(persona.key, persona.adapters, base)
    if choice.refusal:
        raise UserError(choice.refusal)
    if choice.adapter is None:
        waits = f"; set [model] name for those that wait ({', '.join(map(str, choice.waiting))})"
        raise UserError(
            f"{persona.key} has no adapter for {base.name}: "
            f"`python -m training train --persona {shlex.quote(persona.key)}` makes "
            f"one{waits if choice.waiting else ''}."
        )
    return choice.adapter
