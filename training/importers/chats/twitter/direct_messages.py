"""The direct messages of X, which an archive holds in blocks, with ids instead of names."""

from collections.abc import Iterator

from msgspec import Struct, field

from training.importers.chats.twitter.archive_index import ArchiveIndex
from training.importers.chats.twitter.links import write_out_links
from training.importers.reading.html_text import unescape
from training.importers.reading.import_log import ImportLog
from training.importers.reading.message_ids import MessageIds
from training.importers.reading.normalise import clean_text, parse_iso_time
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage


class DirectMessageLink(Struct, gc=False):
    url: str = ""
    expanded: str = ""


class DirectMessage(Struct, gc=False):
    """A message (`messageCreate`); `urls` exists since 2021."""

    id: str = ""
    senderId: str = ""
    text: str = ""
    createdAt: str = ""
    urls: list[DirectMessageLink] = field(default_factory=list)
    mediaUrls: list[str] = field(default_factory=list)


class ConversationEvent(Struct, gc=False):
    """An event of a conversation: a message, or a notice, such as a reaction."""

    messageCreate: DirectMessage | None = None
    welcomeMessageCreate: DirectMessage | None = None


class ConversationBlock(Struct, gc=False):
    """At most 1000 events, newest first. A long conversation has several blocks, whose times overlap.

    Source: timhutton/twitter-archive-parser, pull request 98.
    """

    conversationId: str = ""
    messages: list[ConversationEvent] = field(default_factory=list)


def direct_messages(
    conversation: ConversationBlock,
    archive: ArchiveIndex,
    source: Source,
    log: ImportLog,
    ids: MessageIds,
    is_group: bool,
) -> Iterator[ExportedMessage]:
    """Yield the messages of a block, oldest first; the message store drops those that two blocks hold."""
    for event in reversed(conversation.messages):
        message = event.messageCreate
        if message is None:
            log.skip("notices")
            continue
        try:
            time = parse_iso_time(message.createdAt)
        except ValueError:
            log.skip("without a date")
            continue
        text = _plain_text(message)
        yield ExportedMessage(
            platform="x",
            chat=conversation.conversationId,
            id=ids.choose(message.id, conversation.conversationId, time, message.senderId, text),
            author=message.senderId,
            author_name=archive.people.get(message.senderId, message.senderId),
            time=time,
            source=source.label,
            text=text,
            is_self=message.senderId == archive.id if archive.id else None,
            chat_kind="group" if is_group else "direct",
            chat_name="" if is_group else _partner(conversation.conversationId, archive),
            precision="millisecond",
            kind="image" if message.mediaUrls else "text",
            media=tuple(url.rpartition("/")[2] for url in message.mediaUrls),
        )


def _plain_text(message: DirectMessage) -> str:
    targets = {
        link.url: "" if "/messages/media/" in link.expanded else link.expanded or link.url
        for link in message.urls
    }
    return clean_text(write_out_links(unescape(message.text), targets).strip())


def _partner(conversation: str, archive: ArchiveIndex) -> str:
    """The name of the other person: the id of a conversation of two is made of both ids."""
    others = [number for number in conversation.split("-") if number != archive.id]
    return archive.people.get(others[0], others[0]) if others else ""
