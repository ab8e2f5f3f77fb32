"""Commands to the bot itself: one table, which every platform shows."""

from bot.chat.commands.call import Command, CommandCall, Level, Option
from bot.chat.commands.personas import RELOAD
from bot.chat.commands.rights import may_change_place
from bot.chat.commands.table import COMMANDS, parse_line, run_command, run_line

__all__ = [
    "COMMANDS",
    "RELOAD",
    "Command",
    "CommandCall",
    "Level",
    "Option",
    "may_change_place",
    "parse_line",
    "run_command",
    "run_line",
]
