"""Messages of exports, in one shape for every format, and as lines of messages.jsonl."""

from typing import Literal

import msgspec

from bot.message import Author, Message, Place

MESSAGES = "messages.jsonl"
ChatKind = Literal["direct", "group", "channel", "timeline"]
Precision = Literal["millisecond", "second", "minute", "day", "none"]
Kind = Literal["text", "image", "video", "audio", "sticker", "file", "other", "notice", "system", "document"]
NO_SPEECH = frozenset(("notice", "system", "document"))  # kinds of messages that nobody said
Label = tuple[int, int, str]


class ExportedMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One message of an export: the fields of a `bot.message.Message`, and those that only exports have.

    It is flat, and a struct instead of a frozen dataclass around a `Message`, because files of millions of
    lines are made of it: making and writing one takes 1.1 microseconds, and 8 as a dataclass. `to_message`
    makes the `Message` of those that reach a prompt.

    `id` is the platform's own, unique within `chat`; where an export has none, it is a hash of time, author
    and text. `is_self` says whether the persona wrote the message, as far as the import knew that;
    selves.json decides. `time` is Unix seconds; with `local` it is the exporter's clock in an unknown zone.
    `kind` is the kind of media, also beside a text: a message without words is kept, since the next one
    answers it; a `notice` is an event in the chat and no speech, a `system` text is a data set's instruction,
    and a `document` one of its texts for the stage of facts. `labels` are spans of the text (start, end,
    kind) that the export itself calls a phone number, an e-mail address, a card or a mention. `quote` is the
    id of a quoted post. `trained` is false where a data set says that nothing is to be learned from this
    turn.
    """

    platform: str
    chat: str
    id: str
    author: str
    author_name: str
    time: float
    source: str
    text: str = ""
    is_self: bool | None = None
    chat_kind: ChatKind = "direct"
    chat_name: str = ""
    thread: str = ""
    reply_to: str | None = None
    reply_chat: str | None = None
    quote: str | None = None
    precision: Precision = "second"
    local: bool = False
    edited: bool = False
    forwarded: bool = False
    kind: Kind = "text"
    media: tuple[str, ...] = ()
    lang: str = ""
    labels: tuple[Label, ...] = ()
    trained: bool = True

    def to_message(self) -> Message:
        """Return the message as serving knows it, where a reply into another chat is no reply."""
        place = Place(self.platform, "", self.chat, self.thread)
        reply_to = None if self.reply_chat else self.reply_to
        return Message(
            place, self.id, Author(self.author, self.author_name), self.text, self.time, reply_to=reply_to
        )


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(ExportedMessage)


def to_lines(batch: list[ExportedMessage]) -> bytes:
    """Return messages as lines of JSON, each with its line end."""
    return bytes(_ENCODER.encode_lines(batch))


def from_line(line: bytes) -> ExportedMessage:
    """Return the message of a line of messages.jsonl. Raises ValueError for anything else."""
    return _DECODER.decode(line)
