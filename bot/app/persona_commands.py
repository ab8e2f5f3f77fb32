"""The commands `persona list`, `show` and `new`: each function returns the text to print."""

import asyncio
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from bot import config
from bot.adapter.base_match import tidy_name
from bot.adapter.choice import AdapterChoice
from bot.adapter.folders import shown_folder
from bot.adapter.manifest import read_manifest, trained_names
from bot.app.adapter_report import check_adapters, is_model_ready
from bot.config import Config
from bot.errors import UserError
from bot.persona import new_folder
from bot.persona.lorebook import DepthPrompt
from bot.persona.persona import Cast, Persona, load_cast
from bot.untrusted import RefusedFile

_LABEL = 26  # characters of a field's name in `persona show`
_SHORT = 100  # characters of a list that stands on one line


async def persona_list(options: Namespace) -> str:
    settings = config.load_config(options.config)
    cast = load_cast(settings.personas)
    choices = await asyncio.to_thread(_choices, settings, cast)
    lines = [_listed(persona, choices.get(key)) for key, persona in cast.personas.items()]
    return "\n".join([*lines, *(f"{key:<12} broken: {why}" for key, why in cast.broken.items())])


async def persona_show(options: Namespace) -> str:
    persona = load_cast(config.load_config(options.config).personas).find(options.name)
    fields = {
        **persona.card.model_dump(exclude_defaults=True),
        **card_parts(persona),
        "adapter": ", ".join(map(_described, persona.adapters)) or "none",
        "speaker_names": persona.speaker_names,
        "sampling": ", ".join(f"{name} {value}" for name, value in persona.sampling),
        **({"history": limits} if (limits := _limits(persona)) else {}),
    }
    return "\n".join(f"{name:<{_LABEL}} {_indented(value)}" for name, value in fields.items())


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
            f"Next: python -m bot chat --persona {options.name}, or, with an export of what they said, "
            f"python -m training make EXPORT --persona {options.name}",
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


def card_parts(persona: Persona) -> dict[str, str]:
    """Return the parts of a card beside its texts: those that prompts have, and those without effect."""
    prompt = persona.card.depth_prompt
    parts = {
        "lorebook": str(persona.lore) if persona.lore else "",
        "depth_prompt": f"{_depth(prompt)}: {prompt.text}" if prompt else "",
        "warning": persona.card.warning,
        "without effect": ", ".join(persona.card.unused),
    }
    return {name: text for name, text in parts.items() if text}


def _limits(persona: Persona) -> str:
    """Return the limits of the history that persona.toml sets; empty for none."""
    return ", ".join(f"{name} {value}" for name, value in persona.history if value is not None)


def _choices(settings: Config, cast: Cast) -> Mapping[str, AdapterChoice]:
    """Check all adapters; return nothing before the base model is here, which `doctor` tells."""
    try:
        return check_adapters(settings, cast) if is_model_ready(settings) else {}
    except UserError:
        return {}


def _listed(persona: Persona, choice: AdapterChoice | None) -> str:
    has_adapter = choice.adapter is not None if choice else bool(persona.adapters)
    adapter = ", with an adapter" if has_adapter and not (choice and choice.refusal) else ""
    lore = ", with a lorebook" if persona.lore.entries else ""
    note = (choice.refusal or choice.waiting_note(persona.key)).rstrip(".") if choice else ""
    notes = "".join(f"; {text}" for text in (persona.warning, note) if text)
    return f"{persona.key:<12} {persona.name}{adapter}{lore}{notes}"


def _described(folder: Path) -> str:
    """Return an adapter's folder with what its manifest says of its base model and of speakers' names."""
    try:
        manifest = read_manifest(folder)
    except RefusedFile as refused:
        return f"{shown_folder(folder)} ({refused.reason})"
    base = f" for {tidy_name(manifest.base_model)}" if manifest.base_model else ""
    names = trained_names(manifest)
    return f"{shown_folder(folder)}{base}" + (f" (speakers' names: {names})" if names else "")


def _depth(prompt: DepthPrompt) -> str:
    if prompt.depth == 0:
        return "behind the newest message"
    return "before the newest " + ("message" if prompt.depth == 1 else f"{prompt.depth:,} messages")


def _indented(value: object) -> str:
    """Return a field's value as text, a list in one line where it is short, further lines below the first."""
    items = [str(each) for each in value] if isinstance(value, tuple | list) else [str(value)]
    short = ", ".join(items)
    text = short if len(short) <= _SHORT and "\n" not in short else "\n".join(items)
    return text.replace("\n", f"\n{'':<{_LABEL}} ")
