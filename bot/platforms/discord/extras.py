"""Parts of a Discord message beside its text, in words: files, stickers, polls, embeds, components."""

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import discord

from bot.text.one_line import one_line

LONGEST_NAME = 100  # characters of a file's or a sticker's name
LONGEST_DESCRIPTION = 300  # characters of an embed's, a picture's or a poll's description
_KINDS = {"image": "picture", "video": "video", "audio": "audio"}
_EMBEDS = {"image": "picture", "gifv": "GIF", "video": "video", "link": "link", "article": "link"}


class MessageContent(Protocol):
    """The content of a message, or of one that was forwarded (`discord.MessageSnapshot`)."""

    content: str
    attachments: list[discord.Attachment]
    embeds: list[discord.Embed]
    stickers: list[discord.StickerItem]
    components: list[Any]


def extra_words(message: MessageContent, file_texts: Mapping[int, str]) -> Iterator[str]:
    """Yield a line for each part beside the text. `file_texts` are texts of attachments, by their id."""
    for attachment in message.attachments:
        text = file_texts.get(attachment.id)
        yield _attachment_words(attachment) if text is None else text
    for sticker in message.stickers:
        yield f"[sticker: {one_line(sticker.name, LONGEST_NAME)}]"
    poll = getattr(message, "poll", None)
    if isinstance(poll, discord.Poll):
        yield _poll_words(poll)
    yield from filter(None, map(_embed_words, message.embeds))
    yield from filter(None, component_texts(message.components))


def has_unread(message: MessageContent, file_texts: Mapping[int, str]) -> bool:
    """Return whether the message came with a file that nobody has read, or forwards one."""
    came = (message, *getattr(message, "message_snapshots", ()))
    return any(file.id not in file_texts for content in came for file in content.attachments)


def _attachment_words(attachment: discord.Attachment) -> str:
    if attachment.is_voice_message():
        return f"[voice message: {attachment.duration or 0:.0f} s]"
    kind = attachment.content_type or mimetypes.guess_type(attachment.filename)[0] or ""
    word = _KINDS.get(kind.partition("/")[0], "file")
    shown = [one_line(attachment.title or attachment.filename, LONGEST_NAME)]
    if attachment.description:
        shown.append(one_line(attachment.description, LONGEST_DESCRIPTION))
    return f"[{word}: {' – '.join(filter(None, shown))}]"


def _poll_words(poll: discord.Poll) -> str:
    options = [one_line(answer.text or "", LONGEST_NAME) for answer in poll.answers]
    return f"[poll: {' | '.join((one_line(poll.question, LONGEST_DESCRIPTION), *options))}]"


def _embed_words(embed: discord.Embed) -> str:
    """Return an embed's words as sent; empty for one without a word, which is the preview of a link."""
    fields = [f"{field.name}: {field.value}" for field in embed.fields[:10]]
    words = [embed.author.name or "", embed.title or "", embed.description or "", *fields]
    shown = [one_line(word, LONGEST_DESCRIPTION) for word in words if word.strip()]
    return f"[{_EMBEDS.get(embed.type, 'embed')}: {' – '.join(shown)}]" if shown else ""


def component_texts(components: Sequence[object]) -> Iterator[str]:
    """Yield the texts that other applications lay out with components, at any depth that Discord allows."""
    for component in components:
        if isinstance(component, discord.components.TextDisplay):
            yield component.content
        yield from component_texts(getattr(component, "children", ()))
