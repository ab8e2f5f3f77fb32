"""Discord's data package: the messages of one person, without answers, in folders named in their language.

Source: Androz2091/discord-data-package-explorer, seen at commit e287227. Before December 2021 the folders of
channels had no "c" before the id; before March 2024 messages were CSV, since then JSON.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from training.importers.reading.csv_rows import read_rows
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.json_stream import JsonReader, read_document
from training.importers.reading.message_ids import MessageIds, is_id
from training.importers.reading.normalise import clean_text, discord_text, parse_iso_time
from training.importers.reading.sniff import FileHead, sniff_head
from training.importers.reading.source import Source
from training.store.messages import ChatKind, ExportedMessage

TITLE = "Discord data package"
GUIDE = Guide(
    steps=(
        "In Discord: User Settings > Data & Privacy > Request your data > Request Data. Import the zip that "
        "Discord sends as it is."
    ),
    reads="It reads all messages that you sent, by channel; before 2024 they are CSV, since then JSON.",
    leaves_out="Answers of others are not in the package; servers, activity and attachments are left out.",
    marks=("ID", "Timestamp", "Contents"),
)
_CHANNEL = re.compile(r"(?:^|/)c?(\d{16,32})/(channel\.json|messages\.(?:csv|json))$")
_INDEX = re.compile(r'\s*\{\s*"\d{16,32}"\s*:\s*(?:"|null)')
_COLUMNS = ("ID", "Timestamp", "Contents")
_KINDS: dict[str, ChatKind] = {"1": "direct", "DM": "direct", "3": "group", "GROUP_DM": "group"}


class PackageMessage(Struct, gc=False):
    """A message in messages.json, where the id is a number, or a row of messages.csv."""

    ID: int | str
    Timestamp: str
    Contents: str = ""
    Attachments: str | None = ""


def recognises(head: FileHead) -> bool:
    if _CHANNEL.search(head.source.path):
        return head.columns[:3] == _COLUMNS or head.has("[].ID", "[].Timestamp") or head.has("id", "type")
    return _is_user(head) or bool(_INDEX.match(head.text))


def _is_user(head: FileHead) -> bool:
    """True for the owner's user.json; a file with the same keys stands deeper, among the activities."""
    return head.source.path.count("/") == 1 and head.has("id", "username", "relationships")


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    names, channels, owner_id, owner_name = dict[str, str](), dict[str, dict[str, Any]](), "self", ""
    messages = list[tuple[str, Source]]()
    for source in sources:
        if found := _CHANNEL.search(source.path):
            if found[2] == "channel.json":
                channels[found[1]] = _object(source)
            else:
                messages.append((found[1], source))
        elif _is_user(sniff_head(source)):
            user = _object(source)
            owner_id = str(user.get("id"))
            owner_name = str(user.get("global_name") or user.get("username") or "")
        else:
            names |= {key: name for key, name in _object(source).items() if isinstance(name, str)}
    log.skip("channels without messages", len(channels.keys() - {channel_id for channel_id, _ in messages}))
    for channel_id, source in messages:
        channel = channels.get(channel_id, {})
        yield from _messages(
            source, channel_id, channel, names.get(channel_id, ""), (owner_id, owner_name), log
        )


def _object(source: Source) -> dict[str, Any]:
    root = read_document(source)
    return root if isinstance(root, dict) else {}


def _messages(
    source: Source,
    channel_id: str,
    channel: dict[str, Any],
    name: str,
    owner: tuple[str, str],
    log: ImportLog,
) -> Iterator[ExportedMessage]:
    guild = channel.get("guild")
    place = [guild.get("name") if isinstance(guild, dict) else None, channel.get("name")]
    title = " / ".join(part for part in place if isinstance(part, str)) or name
    ids = MessageIds()
    for message in _package_messages(source, log):
        try:
            time = parse_iso_time(message.Timestamp)
        except ValueError:
            log.skip("without a date")
            continue
        files = (message.Attachments or "").split()
        yield ExportedMessage(
            platform="discord",
            chat=channel_id,
            id=_id(message, channel_id, time, ids),
            author=owner[0],
            author_name=clean_text(owner[1]),
            time=time,
            source=source.label,
            text=discord_text(message.Contents, {}),
            is_self=True,
            chat_kind=_KINDS.get(str(channel.get("type")), "group"),
            chat_name=clean_text(title),
            kind="file" if files else "text",
            media=tuple(url.partition("?")[0].rpartition("/")[2] for url in files),
        )


def _id(message: PackageMessage, channel_id: str, time: float, ids: MessageIds) -> str:
    """Return the message's id; a table that a spreadsheet saved again has 1.2E+18 in its place."""
    id = str(message.ID)
    return id if id.isdecimal() and is_id(id) else ids.derive(channel_id, time, message.Contents)


def _package_messages(source: Source, log: ImportLog) -> Iterator[PackageMessage]:
    if source.path.endswith(".json"):
        document = JsonReader(source)
        yield from document.elements(PackageMessage)
        log.skip("unreadable", document.unreadable)
        return
    for row in read_rows(source):
        cells = (row.get(column, "") for column in ("ID", "Timestamp", "Contents", "Attachments"))
        yield PackageMessage(*cells)
