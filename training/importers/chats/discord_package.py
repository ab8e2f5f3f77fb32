"""Discord's own data package: what one person wrote, without answers, in folders of any language."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from training.importers.reading import sniff as heads
from training.importers.reading.csv_rows import read_rows
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import Json, root
from training.importers.reading.normalise import clean, discord_text, iso
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "Discord data package"
_CHANNEL = re.compile(r"(?:^|/)c?(\d{16,32})/(channel\.json|messages\.(?:csv|json))$")
_INDEX = re.compile(r'\s*\{\s*"\d{16,32}"\s*:\s*(?:"|null)')
_COLUMNS = ("ID", "Timestamp", "Contents")
_KINDS: dict[str, ChatKind] = {"1": "direct", "DM": "direct", "3": "group", "GROUP_DM": "group"}


class Message(Struct, gc=False):
    """A message as it stands in messages.json (since March 2024); the id is a number."""

    ID: int | str
    Timestamp: str
    Contents: str = ""
    Attachments: str | None = ""


def recognises(head: FileHead) -> bool:
    if _CHANNEL.search(head.source.path):
        return head.columns[:3] == _COLUMNS or head.has("[].ID", "[].Timestamp") or head.has("id", "type")
    return _is_user(head) or bool(_INDEX.match(head.text))


def _is_user(head: FileHead) -> bool:
    """A decoy lies deeper, among the activities."""
    return head.source.path.count("/") == 1 and head.has("id", "username", "relationships")


def read(sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
    names, channels, me, shown = dict[str, str](), dict[str, dict[str, Any]](), "self", ""
    messages = list[tuple[str, Source]]()
    for source in sources:
        if found := _CHANNEL.search(source.path):
            if found[2] == "channel.json":
                channels[found[1]] = _object(source)
            else:
                messages.append((found[1], source))
        elif _is_user(heads.sniff(source)):
            user = _object(source)
            me, shown = str(user.get("id")), str(user.get("global_name") or user.get("username") or "")
        else:
            names |= {number: name for number, name in _object(source).items() if isinstance(name, str)}
    tally.skip("channels without messages", len(channels.keys() - {number for number, _ in messages}))
    for number, source in messages:
        channel = channels.get(number, {})
        yield from _messages(source, number, channel, names.get(number, ""), (me, shown), tally)


def _object(source: Source) -> dict[str, Any]:
    told = root(source)
    return told if isinstance(told, dict) else {}


def _messages(
    source: Source, number: str, channel: dict[str, Any], name: str, me: tuple[str, str], tally: ImportLog
) -> Iterator[ExportedMessage]:
    guild = channel.get("guild")
    place = [guild.get("name") if isinstance(guild, dict) else None, channel.get("name")]
    title = " / ".join(part for part in place if isinstance(part, str)) or name
    for message in _each(source, tally):
        try:
            moment = iso(message.Timestamp)
        except ValueError:
            tally.skip("without a date")
            continue
        files = (message.Attachments or "").split()
        yield ExportedMessage(
            platform="discord",
            chat=number,
            id=str(message.ID),
            author=me[0],
            author_name=clean(me[1]),
            time=moment,
            source=source.label,
            text=discord_text(message.Contents, {}),
            is_self=True,
            chat_kind=_KINDS.get(str(channel.get("type")), "group"),
            chat_name=clean(title),
            kind="file" if files else "text",
            media=tuple(url.partition("?")[0].rpartition("/")[2] for url in files),
        )


def _each(source: Source, tally: ImportLog) -> Iterator[Message]:
    if source.path.endswith(".json"):
        document = Json(source)
        yield from document.elements(Message)
        tally.skip("unreadable", document.unreadable)
        return
    for row in read_rows(source):
        told = (
            row.get("ID", ""),
            row.get("Timestamp", ""),
            row.get("Contents", ""),
            row.get("Attachments", ""),
        )
        yield Message(*told)
