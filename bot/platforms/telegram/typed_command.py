"""Commands in what people type on Telegram, told apart from words that begin with a slash."""

import re
from dataclasses import dataclass

from bot.chat.commands import find_command, nearest_commands
from bot.text.folding import fold

START_COMMAND = "start"  # the first command that Telegram's apps send to a bot
_COMMAND = re.compile(  # a slash, a name, perhaps the bot's name, perhaps a sign, perhaps words
    r"\s*[/／](\w{1,32})(?:[@＠](\w{3,32}))?[,.:;!?]?(?:\s(.*))?", re.DOTALL
)
_MENTION = re.compile(r"\s*[@＠](\w{3,32})[\s,:]*")
_SHORTEST = 3  # letters of an unknown name before other words that resembles a command
# what chat programs and roleplayers write with a slash, and no bot is asked for
_GESTURES = frozenset(
    "me my do it ooc ic em emote act say says think shout yell whisper narrate describe shrug tableflip"
    " unflip lenny nod wave hug smile laugh sigh s j h r roll dice nick gif giphy spoiler msg tell w".split()
)

_DICE = frozenset("roll dice gif giphy".split())  # which bots of groups answer


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """A command's name without case, and the words behind it; a foreign one is for another bot.

    A foreign one that names no bot may be mistyped: its name resembles a command of this bot.
    """

    name: str
    argument: str
    is_foreign: bool = False
    may_be_mistyped: bool = False


def find_typed_command(text: str, username: str, *, is_private: bool) -> TypedCommand | None:
    """Return the command of a message; None where its words are for the persona.

    0. The bot's @ before a command is as its @ behind the name, but an unknown name there is one of words.
    1. A path (`/usr/bin`), and a command to another bot in a private chat, are words.
    2. A name of the table is a command, and so is any name with this bot's @; an unknown one is answered with
       what would be understood.
    3. Gestures before other words, such as `/me waves`, are words.
    4. Any other name in a group, and with another bot's @, is another bot's command.
    5. In a private chat an unknown name is a command where it resembles one, or stands alone; names before
       other words are words.
    """
    mention = _MENTION.match(text)
    is_called = mention is not None and mention[1].casefold() == username.casefold()
    found = _COMMAND.fullmatch(text, mention.end() if mention and is_called else 0)
    if found is None:
        return None
    name, to, argument = fold(found[1]), found[2], (found[3] or "").strip()
    is_to_bot = to is not None and to.casefold() == username.casefold()
    if to is not None and not is_to_bot:
        return None if is_private else TypedCommand(name, argument, is_foreign=True)
    if is_to_bot or name == START_COMMAND or find_command(name):
        return TypedCommand(name, argument)
    if is_called:
        return TypedCommand(name, argument) if _is_meant(name, argument) else None
    if name in _GESTURES and argument and name not in _DICE:
        return None
    if not is_private:
        return TypedCommand(name, argument, is_foreign=True, may_be_mistyped=_resembles(name))
    return TypedCommand(name, argument) if _is_meant(name, argument) else None


def _is_meant(name: str, argument: str) -> bool:
    """Return whether an unknown name may be a command misspelt, or one that somebody tries."""
    if name in _GESTURES:
        return False
    return not argument or _resembles(name)


def _resembles(name: str) -> bool:
    return len(name) >= _SHORTEST and bool(nearest_commands(name))
