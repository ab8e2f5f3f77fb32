"""Damaged events of Discord's gateway, given to a whole bot; it must still answer the next good message."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.fixtures.discord_bot import DiscordStage, staged

_MESSAGE = {
    "id": "1400000000000000001",
    "type": 0,
    "content": "Rain? <@123456789012345678> <:wave:123456789012345678>",
    "author": {"id": "1400000000000000002", "username": "gull", "discriminator": "0", "avatar": None},
    "attachments": [{"id": "1", "filename": "a.png", "size": 1, "url": "x", "proxy_url": "x"}],
    "embeds": [],
    "mentions": [],
    "mention_roles": [],
    "mention_everyone": False,
    "pinned": False,
    "tts": False,
    "timestamp": "2026-01-01T00:00:00+00:00",
    "edited_timestamp": None,
    "message_reference": {"message_id": "1400000000000000000"},
}
_LINES = [
    ["MESSAGE_CREATE", _MESSAGE],
    ["MESSAGE_UPDATE", _MESSAGE | {"content": "Rain!"}],
    ["MESSAGE_DELETE", {"id": "1400000000000000001"}],
    ["MESSAGE_DELETE_BULK", {"ids": ["1400000000000000001"]}],
    ["THREAD_CREATE", {"id": "1400000000000000003", "type": 11, "name": "deck"}],
    ["CHANNEL_DELETE", {"id": "1400000000000000004", "type": 0}],
]
GATEWAY_SEEDS = ["\n".join(json.dumps(line) for line in _LINES).encode()]
_SECONDS = 20.0


def hear_events(data: bytes, folder: Path) -> None:
    """Give a bot the events of an input, one a line of JSON, then a good message that it must answer."""
    asyncio.run(asyncio.wait_for(_hear(_events(data), folder), _SECONDS))


def _events(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    events = []
    for line in data.splitlines():
        try:
            kind, event = json.loads(line)
            json.dumps(event, allow_nan=False).encode()
        except (ValueError, TypeError, RecursionError):
            continue
        if isinstance(kind, str) and isinstance(event, dict):
            events.append((kind, event))
    return events


async def _hear(events: list[tuple[str, dict[str, Any]]], folder: Path) -> None:
    async with staged(folder) as stage:
        await stage.start()
        _tell(stage, events)
        await stage.idle()
        answers = len(stage.engine.requests)
        stage.call("Rain?")
        await stage.fake.until(lambda: len(stage.engine.requests) > answers)
        await stage.idle()
        assert stage.quay.texts[-1].startswith("Answer")
        stage.fake.schema_errors.clear()  # the events are to break the schema


def _tell(stage: DiscordStage, events: list[tuple[str, dict[str, Any]]]) -> None:
    stage.fake.hub.spec = None
    where = {"channel_id": str(stage.quay.id), "guild_id": str(stage.guild.id)}
    for kind, event in events:
        stage.fake.emit(
            kind, event | {key: event.get(key, value) for key, value in where.items()}, stage.quay
        )
