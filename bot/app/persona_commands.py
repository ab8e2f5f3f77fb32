"""The commands `persona list`, `show` and `new`: each function returns the text to print."""

import asyncio
import shlex
from argparse import Namespace

from bot import config
from bot.adapter.choice import AdapterChoice
from bot.app.manifest_choice import choose_by_manifests
from bot.app.persona_values import ShownValue, persona_values, place_values
from bot.config import Config
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import find_place
from bot.persona import new_folder
from bot.persona.persona import Persona, load_cast

_LABEL = 28  # characters of a value's name in `persona show`
_SHORT = 100  # characters of a list that stands on one line


async def persona_list(options: Namespace) -> str:
    return (await list_personas(options))[0]


async def list_personas(options: Namespace) -> tuple[str, bool]:
    """Return a line for each persona, and whether all are whole.

    Adapters are chosen by their manifests; `doctor` checks their weights and prompts.
    """
    settings = config.load_config(options.config)
    cast = load_cast(settings.personas)
    try:
        choices = await asyncio.to_thread(choose_by_manifests, settings, cast)
    except UserError:  # no model at the path of the settings: `doctor` tells it
        choices = {}
    told = {key: _listed(persona, choices.get(key)) for key, persona in cast.personas.items()}
    told |= {key: f"broken: {why}" for key, why in cast.broken.items()}
    width = max(12, *map(len, told)) if told else 0
    return "\n".join(f"{key:<{width}} {text}" for key, text in told.items()), not cast.broken


async def persona_show(options: Namespace) -> str:
    settings = config.load_config(options.config)
    persona = load_cast(settings.personas).find(options.name)
    values = [*persona_values(persona, settings.personas / persona.key, settings)]
    if options.place:
        values += await _values_in(options.place, persona, settings)
    return "\n".join(f"{each.name:<{_LABEL}} {_indented(each)}" for each in values)


async def _values_in(name: str, persona: Persona, settings: Config) -> list[ShownValue]:
    """Return the values in the place of that name. Raises `UserError` where it is not known."""
    file = settings.data / "memory.db"
    if not file.exists():
        raise UserError(f"Nothing is remembered in {settings.data} yet, so no place has settings of its own.")
    async with Memory(file) as memory:
        places = {str(remembered.place): remembered.place for remembered in await memory.places()}
        if name not in places and name not in await memory.setting_scopes():
            raise UserError(f"There is no place {name!r}: `data status` lists them.")
        return await place_values(persona, memory, places.get(name) or find_place(name), settings)


async def persona_new(options: Namespace) -> str:
    personas = config.load_config(options.config).personas
    new_folder.check_key(personas, options.name)
    new_folder.check_free(new_folder.cast_of(personas), options.name)
    card = new_folder.read_new_card(options.card) if options.card else new_folder.write_card(options.name, {})
    folder = new_folder.make_persona(personas, options.name, card)
    return "\n".join(
        [
            f"{folder} is there:",
            *(f"  {name:<14} {use}" for name, use in _new_files(card).items()),
            f"Next: python -m bot chat --persona {shlex.quote(options.name)}, or, with an export of what "
            f"they said, python -m training make EXPORT --persona {shlex.quote(options.name)}",
        ]
    )


def _new_files(card: new_folder.NewCard) -> dict[str, str]:
    """Return what to write where in a new persona's folder."""
    who = card.card.called
    return {
        card.name: f"who {who} is: description, personality, scenario, first_mes, in a sentence or two each",
        "persona.toml": "other names, sampling, training: take the # away before a key to set it",
        "avatar.png": f"not there yet: a picture, {who}'s face on Discord",
        "documents/": f"not there yet: texts about {who} (.txt, .md), which training learns as facts",
        "lorebook.json": "not there yet: world info",
    }


def _listed(persona: Persona, choice: AdapterChoice | None) -> str:
    has_adapter = choice.adapter is not None if choice else bool(persona.adapters)
    adapter = ", with an adapter" if has_adapter and not (choice and choice.refusal) else ""
    lore = ", with a lorebook" if persona.lore.entries else ""
    note = (choice.refusal or choice.waiting_note(persona.key)).rstrip(".") if choice else ""
    notes = "".join(f"; {text}" for text in (persona.warning, note) if text)
    return f"{persona.name}{adapter}{lore}{notes}"


def _indented(shown: ShownValue) -> str:
    """Return a value and its source as text: a list in one line where it is short, further lines below."""
    value = shown.value
    items = [str(each) for each in value] if isinstance(value, tuple | list) else [str(value)]
    short = ", ".join(items)
    text = short if len(short) <= _SHORT and "\n" not in short else "\n".join(items)
    return f"{text}  ({shown.source})".replace("\n", f"\n{'':<{_LABEL}} ")
