"""Discord History Tracker: its database (.dht), and the JSON that it wrote before it had one.

Source: chylex/Discord-History-Tracker, seen at commit 23a59c7 (SqliteSchema.cs and the upgrades beside it,
LegacyArchiveImport.cs). Channels, messages and people have Discord's ids: a message is the one that
DiscordChatExporter exports. It keeps no messages of Discord's own, and does not say who used it.
"""

import re
from collections.abc import Iterator, Sequence

from training.importers.chats.discord_history.legacy import read_legacy
from training.importers.chats.discord_history.tables import read_tables
from training.importers.reading.database import MAGIC, has_tables
from training.importers.reading.guides import Guide
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.store.messages import ExportedMessage

TITLE = "Discord History Tracker"
GUIDE = Guide(
    steps="Discord History Tracker > Open or Create Database > the .dht file that it saves to.",
    reads="It reads messages with authors, times, answers and edits, and the names of files.",
    leaves_out=(
        "Left out are messages of webhooks, embeds, stickers and reactions; other bots are not marked there."
    ),
    marks=("users", "servers", "channels", "messages"),
)
_USER = re.compile(r"meta\.users\.\d{15,20}+")


def recognises(head: FileHead) -> bool:
    if head.raw.startswith(MAGIC):
        return has_tables(head, "servers", "channels", "messages") and b"sender_id" in head.raw
    return head.has("meta.userindex", "meta.users") or any(map(_USER.fullmatch, head.keys))


def read(sources: Sequence[Source], log: ImportLog) -> Iterator[ExportedMessage]:
    for source in sources:
        is_database = source.head().startswith(MAGIC)
        yield from read_tables(source, log) if is_database else read_legacy(source, log)
