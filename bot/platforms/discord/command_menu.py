"""Application commands as Discord shows them, and answers cut to a Discord message."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import discord

from bot.chat.chat import Chat
from bot.chat.commands import COMMANDS, Command, Level, Option
from bot.text.masked_links import show_addresses

MAX_ANSWER = 2000  # characters of an answer
MESSAGE_MENU = {"Another answer": "again", "Why this answer?": "why"}
_CHAT_INPUT, _MESSAGE, _STRING = 1, 3, 3
_IN_SERVERS, _IN_DIRECT_CHATS = 0, 1


def application_commands() -> list[dict[str, Any]]:
    """Return each command and each entry of a message's menu, for `PUT /applications/{id}/commands`."""
    commands = [_entry(command) for command in COMMANDS]
    menus = [{"type": _MESSAGE, "name": name, **_contexts()} for name in MESSAGE_MENU]
    return [*commands, *menus]


def payload_digest(payload: Sequence[Mapping[str, Any]]) -> str:
    """Return a digest of the commands: unchanged commands need not be published again."""
    return blake2b(json.dumps(payload, sort_keys=True).encode(), digest_size=12).hexdigest()


def find_command(name: str) -> Command | None:
    return next((command for command in COMMANDS if command.name == name), None)


def autocomplete_values(chat: Chat, command: Command | None, option: str, typed: str) -> list[str]:
    """Return values for an option that contain the typed text; at most the 25 that Discord accepts."""
    options = command.options if command else ()
    choices = next((known.choices for known in options if known.name == option), None)
    found = choices(chat) if choices else ()
    return [value[:100] for value in found if typed.casefold() in value.casefold()][:25]


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
