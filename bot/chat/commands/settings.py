"""The command about settings of a place or its server."""

from collections.abc import Mapping

from bot.chat import scoped_settings
from bot.chat.chat import Chat
from bot.chat.commands import sampling
from bot.chat.commands.call import CommandCall, Level, Spellings
from bot.chat.commands.names import find_choice, find_persona, persona_spellings
from bot.chat.commands.personas import CHOOSE_PERSONA, join_name
from bot.chat.commands.rights import check_change
from bot.chat.commands.sampling import DEFAULT, change_value, sampling_table
from bot.chat.scoped_sampling import SAMPLING_VALUES
from bot.errors import UserError
from bot.text.known_names import find_name, find_whole_name

_SWITCH: Spellings = {  # taken as whole words alone
    "on": tuple("yes y true 1 enable enabled an ein ja oui sí si да вкл はい オン 开 开启 是".split()),
    "off": tuple("no n false 0 disable disabled aus nein non нет выкл いいえ オフ 关 关闭 否".split()),
}


async def show_or_change_settings(call: CommandCall) -> str:
    """Show every setting with its source, or change one for this place or its server."""
    typed = call.option("name")
    name = find_choice("setting", typed, _names()) if typed else ""
    if name in SAMPLING_VALUES:
        return await (change_value if call.option("value") else sampling_table)(call, name)
    if name and call.option("value"):
        return await _change_setting(call, name)
    values = await scoped_settings.read_settings(call.memory, call.place, call.chat.settings)
    lines = [
        f"{key:<8} {value.text or '(the first)':<12} {value.source}: {scoped_settings.SETTINGS[key].help}"
        for key, value in values.items()
        if name in ("", key)
    ]
    return "\n".join(lines if name else [*lines, *await _sampling_lines(call)])


async def _sampling_lines(call: CommandCall) -> list[str]:
    """Return the lines about sampling; none where the place's persona is gone, which settings can mend."""
    try:
        return [await sampling_table(call)]
    except UserError:
        return []


def setting_choices(chat: Chat, options: Mapping[str, str]) -> Spellings:
    """Return the settings, as choices of an option."""
    return _names()


def value_choices(chat: Chat, options: Mapping[str, str]) -> Spellings:
    """Return the values of the chosen setting, as choices of an option."""
    name = find_name(options.get("name", ""), _names()).key
    if name in SAMPLING_VALUES:
        return sampling.value_choices(chat, options)
    values = persona_spellings(chat.cast) if name == "persona" else dict.fromkeys(scoped_settings.SWITCH, ())
    return {**values, "default": ()}


async def _change_setting(call: CommandCall, name: str) -> str:
    if name == "persona":
        call = join_name(call, "value")
        await check_change(call, CHOOSE_PERSONA)
    elif call.level < Level.ADMIN:
        raise UserError("Only an admin can change what holds here.")
    return await scoped_settings.change_setting(
        call.memory,
        call.place,
        name,
        _value(call.chat, name, call.option("value")),
        server=call.is_for_server,
    )


def _value(chat: Chat, name: str, typed: str) -> str:
    """Return the value that somebody meant; one that is not understood as it is, for the error."""
    if name == "persona":
        return find_whole_name(typed, DEFAULT) or find_persona(chat.cast, typed).key
    return find_whole_name(typed, {**_SWITCH, **DEFAULT}) or typed


def _names() -> Spellings:
    return dict.fromkeys((*scoped_settings.SETTINGS, *SAMPLING_VALUES), ())
