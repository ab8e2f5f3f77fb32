"""The direct messages of X: blocks that belong together, with ids instead of names."""

import html
from collections.abc import Iterator

from msgspec import Struct, field

from training.importers.chats.twitter.posts import Archive
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import clean, iso
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage


class Address(Struct, gc=False):
    url: str = ""
    expanded: str = ""


class Create(Struct, gc=False):
    """One message; in a group the recipient is absent or 0. `urls` came with 2021."""

    id: str = ""
    senderId: str = ""
    text: str = ""
    createdAt: str = ""
    urls: list[Address] = field(default_factory=list)
    mediaUrls: list[str] = field(default_factory=list)


class Event(Struct, gc=False):
    """An event of a conversation, of which only messages are words."""

    messageCreate: Create | None = None
    welcomeMessageCreate: Create | None = None


class Conversation(Struct, gc=False):
    """A block of at most 1000 events. A long conversation has several, which overlap."""

    conversationId: str = ""
    messages: list[Event] = field(default_factory=list)


def said(
    conversation: Conversation, archive: Archive, source: Source, tally: ImportLog, is_group: bool
) -> Iterator[ExportedMessage]:
    """The messages of a block, oldest first; blocks are put together by their ids when stored."""
    for event in reversed(conversation.messages):
        message = event.messageCreate
        if message is None:
            tally.skip("notices")
            continue
        try:
            moment = iso(message.createdAt)
        except ValueError:
            tally.skip("without an id or a date")
            continue
        yield ExportedMessage(
            platform="x",
            chat=conversation.conversationId,
            id=message.id,
            author=message.senderId,
            author_name=archive.people.get(message.senderId, message.senderId),
            time=moment,
            source=source.label,
            text=_plain(message),
            is_self=message.senderId == archive.id if archive.id else None,
            chat_kind="group" if is_group else "direct",
            chat_name="" if is_group else _partner(conversation.conversationId, archive),
            precision="millisecond",
            kind="image" if message.mediaUrls else "text",
            media=tuple(url.rpartition("/")[2] for url in message.mediaUrls),
        )


def _plain(message: Create) -> str:
    text = html.unescape(message.text)
    for link in message.urls:
        if link.url:
            text = text.replace(
                link.url, "" if "/messages/media/" in link.expanded else link.expanded or link.url
            )
    return clean(text.strip())


def _partner(conversation: str, archive: Archive) -> str:
    """Who the other one is: the id of a conversation of two is made of both."""
    others = [number for number in conversation.split("-") if number != archive.id]
    return archive.people.get(others[0], others[0]) if others else ""
