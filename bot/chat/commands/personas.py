"""Commands about personas: show, choose and reload them."""

from collections.abc import Mapping
from dataclasses import replace

from bot.adapter.folders import described_adapter
from bot.chat import proactive, scoped_settings
from bot.chat.chat import Chat
from bot.chat.commands.call import CommandCall, Level, Spellings
from bot.chat.commands.names import find_persona, persona_spellings
from bot.chat.commands.rights import check_change
from bot.errors import UserError
from bot.persona.macros import expand_macros
from bot.persona.persona import Persona
from bot.text.known_names import find_whole_name

RELOAD = "reload"  # in the place of a persona's name
CHOOSE_PERSONA = "choose who speaks"
_LONGEST_NOTES, _LONGEST_SUMMARY = 500, 100  # characters of a card's notes in a reply, and in the list of all


async def show_or_choose_persona(call: CommandCall) -> str:
    """Show the persona of this place, choose another for the place or its server, or reload all personas."""
    name = call.option("name")
    if not name:
        return await _describe_resident(call)
    if is_reload(name):
        return await _reload_personas(call)
    call = join_name(call, "name")
    await check_change(call, CHOOSE_PERSONA)
    chosen, server = find_persona(call.chat.cast, call.option("name")), call.is_for_server
    await scoped_settings.change_setting(call.memory, call.place, "persona", chosen.key, server=server)
    if server:
        return f"{chosen.name} speaks on this server now, where nobody else was chosen."
    await proactive.greet(call.chat, call.memory, call.place, call.user)
    return f"{chosen.name} speaks here now."


async def _describe_resident(call: CommandCall) -> str:
    current = call.chat.served(await call.chat.resident(call.place))
    values = await scoped_settings.read_settings(call.memory, call.place, call.chat.settings)
    value = values["persona"]
    adapter = described_adapter(current.adapter, current.key)
    chosen = f"; chosen by {value.source}" if value.text else ""
    notes = _shortened(_notes(current, call.user.name), _LONGEST_NOTES)
    described = f"{current.name} ({current.key}) speaks here, {adapter}{chosen}. {notes}".strip()
    note = call.chat.adapter_note(current) if call.level is Level.OWNER else ""
    return f"{described}\n{note}." if note else described


async def _reload_personas(call: CommandCall) -> str:
    """Reload all personas; for owners alone, since everybody is an admin in a direct chat."""
    if call.level < Level.OWNER:
        raise UserError("Only an owner, named in config.toml, can have the personas read again.")
    result = await call.chat.reload_personas((await call.chat.resident(call.place)).key)
    lines = [f"Read again: {', '.join(result.reloaded) or 'nobody'}."]
    for key, why in result.refused.items():
        stays = "stays as it was" if key in call.chat.cast.personas else "is left out"
        lines.append(f"{key} {stays}: {why}.")
    personas = call.chat.cast.personas
    lines += [f"{key}: {personas[key].warning}." for key in result.reloaded if personas[key].warning]
    lines += [f"{note}." for note in call.chat.adapter_notes()]
    return "\n".join(lines)


async def list_personas(call: CommandCall) -> str:
    """List all personas, the one of this place marked; for owners the broken ones too."""
    current = (await call.chat.resident(call.place)).key
    lines = [
        f"{'*' if key == current else ' '} {key:<12} {persona.name}: {_summary(persona, call.user.name)}"
        for key, persona in call.chat.cast.personas.items()
    ]
    broken = call.chat.cast.broken.items() if call.level is Level.OWNER else ()
    return "\n".join([*lines, *(f"! {key:<12} {why}" for key, why in broken)])


def join_name(call: CommandCall, option: str) -> CommandCall:
    """Return the call with the place as the last word of a name, where some persona is called like that.

    A typed line cannot tell "Web server" from "Web", for the whole server.
    """
    typed, where = call.option(option), call.option("where")
    known = persona_spellings(call.chat.cast)
    if not where or find_whole_name(typed, known) or not find_whole_name(f"{typed} {where}", known):
        return call
    return replace(call, options={**call.options, option: f"{typed} {where}", "where": ""})


def is_reload(typed: str) -> bool:
    """Return whether somebody typed the word for reading all personas again, in the place of a name."""
    return find_whole_name(typed, {RELOAD: ()}) is not None


def persona_choices(chat: Chat, options: Mapping[str, str]) -> Spellings:
    """Return all working personas, as choices of an option."""
    return persona_spellings(chat.cast)


def _notes(persona: Persona, reader: str) -> str:
    """Return the notes of a card with their macros expanded; empty where these make them too long."""
    try:
        return expand_macros(persona.card.creator_notes, persona.card.scene(reader, persona.key))
    except UserError:
        return ""


def _summary(persona: Persona, reader: str) -> str:
    notes = _notes(persona, reader)
    return _shortened(notes.strip().splitlines()[0], _LONGEST_SUMMARY) if notes.strip() else "no notes"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
