"""Excerpts: lines of train.jsonl and held.jsonl, each a stretch of one chat with the targets in it."""

from typing import Literal

import msgspec

from bot.message import Author, Message, Place
from training.dataset.targets import Task

Stage = Literal["facts", "dialogue"]
_NOWHERE = Place("", "", "")


class ExcerptMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One message; the author is a pseudonym."""

    id: str
    author: str
    name: str
    text: str
    time: float
    own: bool = False
    reply_to: str | None = None

    def to_message(self, persona: str) -> Message:
        """Return the message for a prompt, where chats have no names."""
        author = Author(self.author, self.name)
        own = persona if self.own else None
        return Message(_NOWHERE, self.id, author, self.text, self.time, reply_to=self.reply_to, persona=own)


class TargetSpan(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Messages [start:end) of an excerpt, which the persona wrote as one answer; their loss has `weight`."""

    start: int
    end: int
    task: Task
    weight: float
    session: int


class Excerpt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Messages of one chat, or (stage "facts") a piece of a document, with their origin.

    `aims` are the targets. `parents` are messages of the chat that some of these reply to. `cut` says that
    the context window had dropped earlier messages. `own_system` is the text of a data set that stands in
    place of the card's. `sources` are the files, by name or hash, and `authors` the pseudonyms of all whose
    words these are; ids of messages are unique within `chat`.
    """

    chat: str
    stage: Stage = "dialogue"
    messages: tuple[ExcerptMessage, ...] = ()
    parents: tuple[ExcerptMessage, ...] = ()
    aims: tuple[TargetSpan, ...] = ()
    cut: bool = False
    text: str = ""
    own_system: str = ""
    sources: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
