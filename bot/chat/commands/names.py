"""The name or value that somebody meant; what is not understood is an error that names what would be."""

from collections.abc import Iterable, Mapping

from bot.errors import UserError
from bot.persona.persona import Cast, Persona
from bot.text.known_names import NameMatch, find_name

_MAX_QUOTED = 60  # characters of a typed name in an error
_MAX_LISTED = 40  # names in an error


def find_persona(cast: Cast, typed: str) -> Persona:
    """Return the persona that somebody meant. Raises `UserError` with those who fit, or who are nearest."""
    match = find_name(typed, persona_spellings(cast))
    if match.key is None and typed.casefold() in map(str.casefold, cast.broken):
        return cast.find(typed)  # raises the error of a broken one
    if match.key is None:
        labels = {key: _label(key, persona.name) for key, persona in cast.personas.items()}
        raise UserError(_not_found("persona", typed, match, labels))
    return cast.personas[match.key]


def find_choice(kind: str, typed: str, choices: Mapping[str, Iterable[str]]) -> str:
    """Return the choice that somebody meant, of a kind such as "setting"; raises `UserError` as above."""
    match = find_name(typed, choices)
    if match.key is None:
        raise UserError(_not_found(kind, typed, match, {key: key for key in choices}))
    return match.key


def persona_spellings(cast: Cast) -> dict[str, tuple[str, ...]]:
    """Return what each persona is called, by key."""
    return {key: (p.name, p.card.name, *p.names) for key, p in cast.personas.items()}


def shorten_typed(typed: str) -> str:
    """Return a typed name as errors quote it."""
    return typed if len(typed) <= _MAX_QUOTED else typed[: _MAX_QUOTED - 1] + "…"


def _label(key: str, name: str) -> str:
    return key if key.casefold() == name.casefold() else f"{key} ({name})"


def _not_found(kind: str, typed: str, match: NameMatch, labels: Mapping[str, str]) -> str:
    """Return the sentence for a name that fits several, or none."""
    quoted = shorten_typed(typed)
    if match.keys:
        fitting = ", ".join(labels[key] for key in match.keys[:_MAX_LISTED])
        return f"{quoted!r} fits more than one {kind}: {fitting}. Write one of these."
    shown = list(labels.values())
    known = ", ".join(shown[:_MAX_LISTED]) + (", …" if len(shown) > _MAX_LISTED else "")
    if not match.nearest:
        return f"There is no {kind} {quoted!r}: known are {known or 'none'}."
    nearest = " or ".join(labels[key] for key in match.nearest)
    return f"There is no {kind} {quoted!r}. Nearest is {nearest}; known are {known}."
