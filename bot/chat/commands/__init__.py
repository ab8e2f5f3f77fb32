"""Commands to the bot itself: one table, which every platform shows."""

from bot.chat.commands.call import Command, CommandCall, Level, Option
from bot.chat.commands.names import find_persona
from bot.chat.commands.personas import is_reload
from bot.chat.commands.rights import may_change_place
from bot.chat.commands.table import (
    COMMANDS,
    find_command,
    nearest_commands,
    parse_line,
    run_command,
    run_line,
)

__all__ = [
    "COMMANDS",
    "Command",
    "CommandCall",
    "Level",
    "Option",
    "find_command",
    "find_persona",
    "is_reload",
    "may_change_place",
    "nearest_commands",
    "parse_line",
    "run_command",
    "run_line",
]
