"""Conversations and messages as objects of JSON."""

from bot.chat.scoped_settings import SettingValue
from bot.memory.queries.records import OwnConversation, ShownMessage


def message_view(shown: ShownMessage) -> dict[str, object]:
    """Return a message; `swipes` is null where its answer was made once."""
    message = shown.message
    return {
        "id": message.id,
        "author": message.author.name,
        "persona": message.persona,
        "text": message.text,
        "time": message.time,
        "swipes": {"index": shown.index, "count": shown.count} if shown.count > 1 else None,
    }


def listed_view(conversation: OwnConversation) -> dict[str, object]:
    """Return a conversation as the list shows it."""
    return {
        "id": conversation.chat,
        "persona": conversation.persona,
        "title": conversation.title,
        "updated": conversation.updated,
        "messages": conversation.messages,
    }


def sampling_view(values: dict[str, SettingValue]) -> list[dict[str, object]]:
    """Return the values of sampling with their sources; rounds may be "all"."""
    return [
        {"name": name, "value": _number(value.text), "from": value.source} for name, value in values.items()
    ]


def _number(text: str) -> float | int | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
