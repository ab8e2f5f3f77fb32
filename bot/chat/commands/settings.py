"""The command about settings of a place or its server."""

from bot.chat import scoped_settings
from bot.chat.commands.call import CommandCall, Level
from bot.chat.commands.personas import CHOOSE_PERSONA
from bot.chat.commands.rights import check_change
from bot.errors import UserError


async def show_or_change_settings(call: CommandCall) -> str:
    """Show every setting with its source, or change one for this place or its server."""
    name, value = call.option("name"), call.option("value")
    if name and value:
        return await _change_setting(call, name, value)
    values = await scoped_settings.read_settings(call.memory, call.place, call.chat.settings)
    if name and name not in values:
        raise UserError(f"There is no setting {name!r}: known are {', '.join(values)}.")
    return "\n".join(
        f"{key:<8} {value.text or '(the first)':<12} {value.source}: {scoped_settings.SETTINGS[key].help}"
        for key, value in values.items()
        if name in ("", key)
    )


async def _change_setting(call: CommandCall, name: str, value: str) -> str:
    if name == "persona":
        await check_change(call, CHOOSE_PERSONA)
    elif call.level < Level.ADMIN:
        raise UserError("Only an admin can change what holds here.")
    if name == "persona" and value != "default":
        value = call.chat.cast.find(value).key
    return await scoped_settings.change_setting(
        call.memory, call.place, name, value, server=call.is_for_server
    )
