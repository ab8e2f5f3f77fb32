"""Notices of Discord: pins, joins and reactions as messages that nobody answers."""

import time
from typing import TypeAlias

import discord

from bot.memory.store import Memory
from bot.message import Author, Message, Place
from bot.persona.persona import NoticeKind
from bot.platforms.discord.extras import LONGEST_NAME
from bot.text.one_line import one_line

ReactionEvent: TypeAlias = discord.RawReactionActionEvent


def system_notice(message: discord.Message, place: Place) -> tuple[Message, NoticeKind] | None:
    """Return a system message as a notice with its kind; None for one of another kind."""
    author = Author(str(message.author.id), message.author.display_name, message.author.bot)
    id, time = str(message.id), message.created_at.timestamp()
    if message.type is discord.MessageType.new_member:
        return Message(place, id, author, "[joined]", time), "joins"
    if message.type is discord.MessageType.pins_add:
        pinned = str(message.reference.message_id) if message.reference else None
        return Message(place, id, author, "[pinned a message]", time, reply_to=pinned), "pins"
    return None


async def reaction_notice(event: ReactionEvent, place: Place, memory: Memory) -> Message:
    """Return a reaction as a notice."""
    emoji = event.emoji.name or "?"
    shown = one_line(emoji, LONGEST_NAME) if event.emoji.is_unicode_emoji() else f":{emoji}:"
    user = str(event.user_id)
    name = event.member.display_name if event.member else await _known_name(place, user, memory)
    text, replied = f"[reacted with {shown}]", str(event.message_id)
    return Message(place, reaction_id(event), Author(user, name), text, time.time(), reply_to=replied)


def reaction_id(event: ReactionEvent) -> str:
    """Return the id of a reaction, the same when it is taken back."""
    return f"reaction:{event.message_id}:{event.user_id}:{event.emoji.id or event.emoji.name}"


async def _known_name(place: Place, user: str, memory: Memory) -> str:
    """Return the newest name of a person here: Discord tells none for a reaction in a direct chat."""
    newest = reversed(await memory.history(place, limit=50))
    return next((message.author.name for message in newest if message.author.id == user), "Somebody")
