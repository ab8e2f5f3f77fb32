"""The table of all commands, and running one of them."""

import logging
from collections.abc import Callable

from bot.chat.chat import Chat
from bot.chat.commands import conversation, personas, report, sampling, settings
from bot.chat.commands.arguments import assign_options
from bot.chat.commands.call import PLACES, PLACES_BEHIND_NAMES, Command, CommandCall, Level, Option
from bot.chat.commands.names import shorten_typed
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Author, Place
from bot.text.folding import fold
from bot.text.known_names import MAX_TYPED, find_name

log = logging.getLogger(__name__)

_COMMAND_END = ",.:;!?"  # signs that somebody sets behind a command's name


async def show_help(call: CommandCall) -> str:
    """List the commands that the caller may use."""
    shown = [command for command in COMMANDS if command.level <= call.level]
    return "\n".join(f"{command.usage:<32} {command.help}" for command in shown)


_WHERE = Option(
    "where",
    '"server" for the whole server',
    choices=lambda *_: dict.fromkeys(PLACES, ()),
    endings=PLACES_BEHIND_NAMES,
)

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
                choices=personas.persona_choices,
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
            Option("name", "the setting", choices=settings.setting_choices),
            Option("value", "what it shall be", choices=settings.value_choices),
            _WHERE,
        ),
    ),
    Command(
        "sampling",
        "how answers are drawn here, and how much they remember",
        sampling.show_or_change_sampling,
        (
            Option("name", f'the value, or "{sampling.RESET}"', choices=sampling.name_choices),
            Option("value", "what it shall be", choices=sampling.value_choices),
            _WHERE,
        ),
    ),
    Command(
        "post",
        "let the persona say something, or these words",
        conversation.post,
        (Option("text", "the words", is_verbatim=True),),
        level=Level.ADMIN,
    ),
)


async def run_command(name: str, call: CommandCall) -> str:
    """Run a command by its name and return the text to show.

    Raises `UserError` for an unknown command, and for a caller below the command's level.
    """
    command = find_command(name)
    if command is None:
        raise UserError(_unknown_command(name, call.level))
    if call.level < command.level:
        raise UserError(f"/{command.name} is for {'admins' if command.level == 1 else 'owners'}.")
    return await _run(command, call)


def find_command(name: str) -> Command | None:
    """Return the command of that name, in any case; by a beginning alone nothing is done."""
    wanted = fold(name[:MAX_TYPED])
    return next((command for command in COMMANDS if command.name == wanted), None)


def nearest_commands(name: str, level: Level = Level.OWNER) -> tuple[str, ...]:
    """Return the names of the commands that somebody of this level may have meant, the likeliest first."""
    match = find_name(name, {command.name: () for command in COMMANDS if command.level <= level})
    return match.keys or match.nearest


def _unknown_command(name: str, level: Level) -> str:
    nearest = " or ".join(f"/{found}" for found in nearest_commands(name, level))
    nearest = f" Nearest is {nearest};" if nearest else ""
    return f"There is no command /{shorten_typed(name)}.{nearest} /help lists them."


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
    """Split a typed command into its name and its options' values by name."""
    first, *rest = text.removeprefix("/").split(maxsplit=1) or [""]
    command = find_command(name := first.rstrip(_COMMAND_END))
    return name, assign_options(command.options if command else (), rest[0] if rest else "")


async def run_line(
    text: str,
    chat: Chat,
    memory: Memory,
    place: Place,
    user: Author,
    level: Level = Level.MEMBER,
    tell: Callable[[str], None] | None = None,
) -> str:
    """Run a typed line that begins with "/" and return the text to show; `tell`: as of `CommandCall`."""
    name, options = parse_line(text)
    return await run_command(name, CommandCall(chat, memory, place, user, level, options, tell))
