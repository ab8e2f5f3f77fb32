"""The JSON that Discord History Tracker wrote before it had a database."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from training.importers.chats.discord_history.messages import (
    HistoryArchive,
    HistoryMessage,
    HistoryUser,
    make_channel,
    make_user,
)
from training.importers.reading.decoding import decode_json
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

_LONGEST_NUMBER = 32


class LegacyFile(Struct, gc=False):
    """An attachment; its name is the end of the address."""

    url: str = ""


class LegacyMessage(Struct, gc=False):
    """A message: `u` is the place of its author in `userindex`, `t` the time, `te` that of the edit."""

    u: int
    t: float
    m: str = ""
    te: float | None = None
    r: str | int | None = None
    a: tuple[LegacyFile, ...] = ()


_DECODER = msgspec.json.Decoder(LegacyMessage)


def read_legacy(source: Source, log: ImportLog) -> Iterator[ExportedMessage]:
    """Yield the messages of a document. Raises UserError for broken JSON."""
    meta = _meta(source)
    archive = HistoryArchive(source.label, _users(meta), _channels(meta))
    index = [str(id) for id in _list(meta, "userindex")]
    document, unreadable = JsonReader(source), 0
    for key in document.members():
        if key != "data" or document.first() != b"{":
            continue
        for channel in document.members():
            if document.first() != b"{":
                continue
            for id in document.members():
                message = _message(id, channel, document.value(Raw), index)
                if message is None:
                    unreadable += 1
                elif exported := archive.convert(message, log):
                    yield exported
    log.skip("unreadable", unreadable)


def _message(id: str, channel: str, raw: Raw, index: list[str]) -> HistoryMessage | None:
    """Return a message; None for one that cannot be read, or whose author is not in the index."""
    try:
        message = decode_json(_DECODER, bytes(raw))
    except (ValueError, RecursionError):
        return None
    if not 0 <= message.u < len(index):
        return None
    return HistoryMessage(
        id=id,
        channel=channel,
        author=index[message.u],
        text=message.m,
        time=message.t,
        reply_to=str(message.r)[:_LONGEST_NUMBER] if message.r else None,
        is_edited=bool(message.te),
        files=tuple(file.url.partition("?")[0].rpartition("/")[2] for file in message.a),
    )


def _meta(source: Source) -> dict[str, Any]:
    document = JsonReader(source, again=True)
    for key in document.members():
        if key == "meta":
            meta = document.value(object)
            return meta if isinstance(meta, dict) else {}
    return {}


def _users(meta: dict[str, Any]) -> dict[str, HistoryUser]:
    return {id: make_user(user.get("name"), user.get("tag")) for id, user in _objects(meta, "users").items()}


def _channels(meta: dict[str, Any]) -> dict[str, Any]:
    servers = _list(meta, "servers")
    channels = {}
    for id, channel in _objects(meta, "channels").items():
        at = channel.get("server")
        server = servers[at] if isinstance(at, int) and 0 <= at < len(servers) else None
        named = server if isinstance(server, dict) else {}
        channels[id] = make_channel(channel.get("name"), named.get("name"), named.get("type"))
    return channels


def _objects(meta: dict[str, Any], key: str) -> dict[str, dict[str, Any]]:
    found = meta.get(key)
    pairs = found.items() if isinstance(found, dict) else ()
    return {id: value for id, value in pairs if isinstance(value, dict)}


def _list(meta: dict[str, Any], key: str) -> list[Any]:
    found = meta.get(key)
    return found if isinstance(found, list) else []
