"""Names and ids of bounded length: each message of a chat repeats them."""

from msgspec.structs import replace

from training.importers.reading.normalise import LONGEST_NAME, derived_id
from training.store.messages import ExportedMessage

_LONGEST_ID = 200  # characters; ids of people and chats are numbers or, where an export has none, names


def with_short_names(message: ExportedMessage) -> ExportedMessage:
    """Return a message whose names are cut, and whose ids of chat, author and platform are short.

    Of a long id the beginning and a hash stay: different ids stay different.
    """
    author, chat = message.author_name, message.chat_name
    if (
        len(author) <= LONGEST_NAME
        and len(chat) <= LONGEST_NAME
        and len(message.chat) <= _LONGEST_ID
        and len(message.author) <= _LONGEST_ID
        and len(message.platform) <= LONGEST_NAME
        and len(message.thread) <= _LONGEST_ID
    ):
        return message
    return replace(
        message,
        platform=message.platform[:LONGEST_NAME],
        chat=_short_id(message.chat),
        author=_short_id(message.author),
        thread=_short_id(message.thread),
        author_name=author[:LONGEST_NAME],
        chat_name=chat[:LONGEST_NAME],
    )


def _short_id(name: str) -> str:
    return name if len(name) <= _LONGEST_ID else name[:LONGEST_NAME] + derived_id(name)
