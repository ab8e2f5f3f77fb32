"""Application commands as Discord shows them, and answers cut to a Discord message."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import discord

from bot.chat.chat import Chat
from bot.chat.commands import COMMANDS, Command, Level, Option
from bot.text.known_names import contains_name, find_name
from bot.text.masked_links import show_addresses

MAX_ANSWER = 2000  # characters of an answer
MESSAGE_MENU = {"Another answer": "again", "Why this answer?": "why"}
_CHAT_INPUT, _MESSAGE, _STRING = 1, 3, 3
_MAX_CHOICES, _MAX_VALUE = 25, 100  # values that Discord proposes at once, and their characters
_IN_SERVERS, _IN_DIRECT_CHATS = 0, 1


def application_commands() -> list[dict[str, Any]]:
    """Return each command and each entry of a message's menu, for `PUT /applications/{id}/commands`."""
    commands = [_entry(command) for command in COMMANDS]
    menus = [{"type": _MESSAGE, "name": name, **_contexts()} for name in MESSAGE_MENU]
    return [*commands, *menus]


def payload_digest(payload: Sequence[Mapping[str, Any]]) -> str:
    """Return a digest of the commands: unchanged commands need not be published again."""
    return blake2b(json.dumps(payload, sort_keys=True).encode(), digest_size=12).hexdigest()


def autocomplete_values(
    chat: Chat, command: Command | None, focused: str, options: Mapping[str, str]
) -> dict[str, str]:
    """Return the values that fit what is typed into an option, by label; at most the 25 that Discord accepts.

    `options` are the values so far, also that of the focused option.
    """
    known = command.options if command else ()
    choices = next((option.choices for option in known if option.name == focused), None)
    spellings = choices(chat, options) if choices else {}
    typed = options.get(focused, "")
    found = [value for value, names in spellings.items() if contains_name(typed, (value, *names))]
    if not found:  # something else was meant by what nothing contains
        match = find_name(typed, spellings)
        found = [*match.keys, *match.nearest]
    fitting = [value for value in found if len(value) <= _MAX_VALUE][:_MAX_CHOICES]
    return {_choice_label(value, spellings[value]): value for value in fitting}


def _choice_label(value: str, names: Sequence[str]) -> str:
    """Return a value as people see it: with its first name, where that is another."""
    if not names or contains_name(names[0], (value,)):
        return value
    return f"{value} ({names[0]})"[:_MAX_VALUE]


def format_answer(text: str) -> str:
    """Return an answer as one message: a table in a code block, cut at a line's end to Discord's limit."""
    is_table = "\n" in text or "   " in text
    text = show_addresses(text)
    text = text.replace("```", "'''") if is_table else text
    before, after = ("```\n", "\n```") if is_table else ("", "")
    room = MAX_ANSWER - len(before) - len(after)
    if len(text) > room:
        kept = text[: room - 2]
        text = (kept.rpartition("\n")[0] or kept) + "\n…"
    return before + text + after


def _entry(command: Command) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": _CHAT_INPUT,
        "name": command.name,
        "description": command.help[:100],
        "options": [_option(option) for option in command.options],
        **_contexts(),
    }
    if command.level > Level.MEMBER:  # only a hint: the handler checks the level of each call
        entry["default_member_permissions"] = str(discord.Permissions(manage_guild=True).value)
    return entry


def _contexts() -> dict[str, Any]:
    """Return the command's contexts: servers and direct chats with the bot; no installation by users."""
    return {"contexts": [_IN_SERVERS, _IN_DIRECT_CHATS], "integration_types": [0]}


def _option(option: Option) -> dict[str, Any]:
    return {
        "type": _STRING,
        "name": option.name,
        "description": option.help[:100],
        "required": option.required,
        "autocomplete": option.choices is not None,
    }
