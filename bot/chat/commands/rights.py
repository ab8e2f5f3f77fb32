"""Rights to change a shared place: for admins, unless a setting opens them to everybody."""

from bot.chat import scoped_settings
from bot.chat.commands.call import CommandCall, Level
from bot.config import ChatSettings
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Place


async def may_change_place(memory: Memory, place: Place, settings: ChatSettings, level: Level) -> bool:
    """Return whether a user of this level may choose who speaks in a place and begin the conversation anew.

    In a direct chat everybody is an admin.
    """
    return (
        level >= Level.ADMIN or (await scoped_settings.read_settings(memory, place, settings))["open"].is_on
    )


async def check_stop(call: CommandCall, authors: frozenset[str]) -> None:
    """Raise `UserError` where the reply being made is to somebody else too and the caller is no admin."""
    if authors - {call.user.id} and not await may_change_place(
        call.memory, call.place, call.chat.settings, call.level
    ):
        raise UserError(
            "Only the one who is answered, or an admin, can stop an answer; "
            "an admin opens this to everybody with /settings open on."
        )


async def check_change(call: CommandCall, wish: str) -> None:
    """Raise `UserError`, with the wish, where the caller may not change the place, or its whole server."""
    if call.is_for_server and call.level < Level.ADMIN:
        raise UserError(f"Only an admin can {wish} on the whole server.")
    if not await may_change_place(call.memory, call.place, call.chat.settings, call.level):
        raise UserError(
            f"Only an admin can {wish} here; an admin opens this to everybody with /settings open on."
        )
