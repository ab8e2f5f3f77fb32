"""Messages of platforms that hold a stranger's text wherever a stranger can put one."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

ME: Any = SimpleNamespace(id=9 * 10**17, display_name="Mara")


def discord_message(text: str) -> Any:
    mentions = [SimpleNamespace(id=10**17 + number, display_name=f"P{number}") for number in range(len(text))]
    embed = SimpleNamespace(
        fields=(), author=SimpleNamespace(name=text), title=text, description=text, type="rich"
    )
    nothing: dict[str, Any] = dict.fromkeys(("attachments", "stickers", "message_snapshots"), ())
    return SimpleNamespace(
        content=text, mentions=mentions, guild=None, poll=None, components=(), embeds=[embed], **nothing
    )


def in_channel(text: str) -> Any:
    message = discord_message(text)
    message.guild, message.reference, message.type = SimpleNamespace(self_role=None), None, None
    return message


def answering(text: str) -> Any:
    """Return a message that replies to another and forwards one."""
    message = in_channel(text)
    message.message_snapshots = [discord_message(text)]
    return message


def telegram_contents(text: str) -> list[dict[str, object]]:
    """Return fields of messages with strangers' words: a poll, a file, a rich message of many blocks."""
    rich: object = text
    for _ in range(20):
        rich = {"type": "bold", "text": [rich]}
    blocks = [{"type": "paragraph", "text": list(text)}, {"type": "paragraph", "text": rich}]
    poll = {"question": text, "options": [{"text": each} for each in text]}
    return [{"poll": poll}, {"document": {"file_name": text}}, {"rich_message": {"blocks": blocks}}]


def telegram_update(text: str) -> Mapping[str, object]:
    """Return a message with an entity at each second unit: each lies over the next ones, or ends nowhere."""
    kinds = ("mention", "bot_command", "text_mention", "bold")
    entities = [
        {"type": kinds[at % 4], "offset": at, "length": (1, 70, 10**6)[at % 3]}
        for at in range(0, len(text), 2)
    ]
    chat = {"id": -5, "type": "group", "title": "quay"}
    message = {"message_id": 1, "date": 1, "chat": chat, "from": {"id": 5, "first_name": "Ana"}}
    return {"update_id": 1, "message": message | {"text": text, "entities": entities}}
