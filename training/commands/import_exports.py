"""The command `import`: add the messages of exports to messages.jsonl, all of them or none."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.errors import UserError
from training.commands.import_selves import find_selves
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Meter
from training.importers.registry import Export
from training.progress.display import SILENT, ProgressDisplay
from training.store.message_store import MessageStore
from training.store.participants import Participants, printable

MEGABYTE = 10**6


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The counts of an import.

    `earlier` messages were in the file before; `known` ones of them came again, and `repeated` ones stand in
    these exports twice.
    """

    path: Path
    formats: tuple[str, ...]
    participants: Participants
    log: ImportLog
    selves: dict[str, set[str]]
    added: int
    known: int
    repeated: int
    earlier: int


def import_exports(
    options: Namespace,
    folder: Path,
    display: ProgressDisplay = SILENT,
    *,
    asks: bool = True,
    likely: Sequence[str] = (),
) -> ImportResult:
    """Import the exports that `options` name into a persona's folder.

    Where nothing tells who the persona is, the only author with a `likely` name is, or somebody is asked;
    also where the export belongs to somebody else than that author.
    Raises `UserError`, and changes nothing, for exports that cannot be read.
    """
    if options.me_anew and not options.me:
        raise UserError("--me-anew needs --me: say who the persona is from now on.")
    meter, log = Meter(), ImportLog(dates=options.dates or "", texts=options.texts or "")
    with display.stage("looking for exports"):
        exports = [
            export
            for path in options.paths
            for export in registry.find_exports(path, meter, bool(log.texts), log)
        ]
    with ExitStack() as stack:
        with display.stage("reading the messages so far"):
            store = stack.enter_context(MessageStore(folder / "work"))
        participants = Participants(tuple(options.me or ()), store.selves, anew=options.me_anew)
        with display.stage("reading", sum(export.size for export in exports) / MEGABYTE, "MB") as stage:
            meter.tell = lambda count: stage.advance(count / MEGABYTE)
            for export in exports:
                _store_messages(export, store, participants, log)
        store.settle_chats()
        _check_messages(options.paths, store, participants, log)
        may_ask = asks and sys.stdin.isatty() and not options.json
        selves = find_selves(participants, log, may_ask, likely)
        store.add_selves(selves, filter(participants.replaces, selves))
    return _result(exports, store, participants, log, selves)


def _check_messages(
    paths: Sequence[Path], store: MessageStore, participants: Participants, log: ImportLog
) -> None:
    """Raise `UserError` for exports in which nobody says anything."""
    keys = store.keys
    if not keys.added + keys.known + keys.repeated:
        raise UserError(_no_messages(paths, log))
    if not participants.authors:
        raise UserError(f"Nobody says anything in {', '.join(map(str, paths))}: it holds notices only.")


def _result(
    exports: Sequence[Export],
    store: MessageStore,
    participants: Participants,
    log: ImportLog,
    selves: dict[str, set[str]],
) -> ImportResult:
    keys = store.keys
    for (_, name), first in keys.joined.items():
        log.note(f'"{printable(name)}" goes on the chat "{printable(first)}".')
    titles = tuple(dict.fromkeys(export.importer.TITLE for export in exports))
    counts = keys.added, keys.known, keys.repeated, store.earlier
    return ImportResult(store.path, titles, participants, log, selves, *counts)


def _store_messages(export: Export, store: MessageStore, participants: Participants, log: ImportLog) -> None:
    for message in export.read(log):
        if message.kind == "text" and not message.text.strip():
            log.skip("empty")
            continue
        if store.refuses(message.platform, message.author):
            log.skip("by people who opted out")
            store.note_refused_name(message.platform, message.author, message.author_name)
            continue
        is_self = participants.count_message(message)
        same = is_self is message.is_self
        store.append(message if same else msgspec.structs.replace(message, is_self=is_self))


def _no_messages(paths: Sequence[Path], log: ImportLog) -> str:
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in log.skipped.most_common())
    return f"There is no message in {', '.join(map(str, paths))}{f' but {skipped}' if skipped else ''}."
