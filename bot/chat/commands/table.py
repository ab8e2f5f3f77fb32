"""The table of all commands, and running one of them."""

import logging

from bot.chat import scoped_settings
from bot.chat.chat import Chat
from bot.chat.commands import conversation, personas, report, settings
from bot.chat.commands.call import Command, CommandCall, Level, Option
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Author, Place

log = logging.getLogger(__name__)


async def show_help(call: CommandCall) -> str:
    """List the commands that the caller may use."""
    shown = [command for command in COMMANDS if command.level <= call.level]
    return "\n".join(f"{command.usage:<32} {command.help}" for command in shown)


_WHERE = Option("where", '"server" for the whole server', choices=lambda chat: ("here", "server"))

COMMANDS = (
    Command("help", "this list", show_help),
    Command(
        "persona",
        "who speaks here, or let another one speak",
        personas.show_or_choose_persona,
        (
            Option(
                "name",
                f'who shall speak, or "{personas.RELOAD}" to read them again',
                choices=personas.persona_keys,
            ),
            _WHERE,
        ),
        public=True,
    ),
    Command("personas", "everybody there is", personas.list_personas),
    Command("reset", "begin the conversation anew", conversation.reset, public=True),
    Command("again", "another answer, or another greeting", conversation.regenerate),
    Command("continue", "let the persona go on", conversation.continue_reply),
    Command("stop", "end the answer that is being made", conversation.stop),
    Command("why", "why the last message was answered, and from what", report.explain_last_decision),
    Command("status", "what the model and the memory are doing", report.show_status),
    Command(
        "settings",
        "what holds here, and where it comes from",
        settings.show_or_change_settings,
        (
            Option("name", "the setting", choices=lambda chat: tuple(scoped_settings.SETTINGS)),
            Option("value", "what it shall be", choices=lambda chat: (*scoped_settings.SWITCH, "default")),
            _WHERE,
        ),
    ),
    Command(
        "post",
        "let the persona say something, or these words",
        conversation.post,
        (Option("text", "the words"),),
        level=Level.ADMIN,
    ),
)


async def run_command(name: str, call: CommandCall) -> str:
    """Run a command by its name and return the text to show.

    Raises `UserError` for an unknown command, and for a caller below the command's level.
    """
    for command in COMMANDS:
        if command.name == name.casefold():
            if call.level < command.level:
                raise UserError(f"/{command.name} is for {'admins' if command.level == 1 else 'owners'}.")
            return await _run(command, call)
    raise UserError(f"There is no command /{name}: /help lists them.")


async def _run(command: Command, call: CommandCall) -> str:
    """Run a command; an error's details are for owners, and for the log."""
    try:
        return await command.run(call)
    except UserError as error:
        public = call.chat.public_text(error)
        if call.level is Level.OWNER or public == str(error):
            raise
        log.warning("error_hidden", extra={"command": command.name, "reason": str(error)})
        raise UserError(public) from error


def parse_line(text: str) -> tuple[str, dict[str, str]]:
    """Split a typed command into name and options, in their order; the last option takes all words left."""
    name, _, rest = text.removeprefix("/").partition(" ")
    options = next((command.options for command in COMMANDS if command.name == name.casefold()), ())
    words = rest.split(maxsplit=max(len(options) - 1, 0))
    return name, {option.name: word for option, word in zip(options, words, strict=False)}


async def run_line(
    text: str, chat: Chat, memory: Memory, place: Place, user: Author, level: Level = Level.MEMBER
) -> str:
    """Run a typed line that begins with "/"."""
    name, options = parse_line(text)
    return await run_command(name, CommandCall(chat, memory, place, user, level, options))
