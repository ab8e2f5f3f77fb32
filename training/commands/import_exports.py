"""The command `import`: add the messages of exports to messages.jsonl, all of them or none."""

import sys
from argparse import Namespace
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from bot.errors import UserError
from bot.system.console import write_line
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Meter
from training.importers.registry import Export
from training.store.message_store import MessageStore
from training.store.participants import MessageCount, Participants, describe_candidates, printable


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


def import_exports(options: Namespace, folder: Path) -> ImportResult:
    """Import the exports that `options` name into a persona's folder.

    Raises `UserError`, and changes nothing, for exports that cannot be read.
    """
    meter, log = Meter(), ImportLog(dates=options.dates or "")
    exports = [export for path in options.paths for export in registry.find_exports(path, meter)]
    with MessageStore(folder / "work") as store:
        participants = Participants(tuple(options.me or ()), store.selves)
        with _progress(sum(export.size for export in exports), meter, hidden=options.json):
            for export in exports:
                _store_messages(export, store, participants, log)
        store.settle_chats()
        keys = store.keys
        if not keys.added + keys.known + keys.repeated:
            raise UserError(_no_messages(options.paths, log))
        if not participants.authors:
            raise UserError(
                f"Nobody says anything in {', '.join(map(str, options.paths))}: it holds notices only."
            )
        selves = _find_selves(participants, may_ask=sys.stdin.isatty() and not options.json)
        store.add_selves(selves)
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


def _find_selves(participants: Participants, may_ask: bool) -> dict[str, set[str]]:
    """Return the persona's author ids on every platform of this import; ask where nothing tells them.

    Raises `UserError` where nobody may be asked, and for a name in --me that no author has.
    """
    participants.check_names()
    selves = {platform: participants.persona_ids(platform) for platform in participants.platforms()}
    for platform in [platform for platform, ids in selves.items() if not ids]:
        candidates = participants.candidates(platform)
        if not may_ask:
            raise UserError(
                f"Who is the persona on {platform}? Say --me with a name or an id: "
                f"{describe_candidates(candidates)}."
            )
        selves[platform] = {_ask(platform, candidates).id}
    return selves


def _ask(platform: str, candidates: list[MessageCount]) -> MessageCount:
    """Ask on the terminal, once. Raises `UserError` for an answer that names no candidate."""
    lines = [f"{number:>3}  {each.label}, {each.messages:,}" for number, each in enumerate(candidates, 1)]
    write_line("\n".join((f"Who is the persona on {platform}?", *lines)), sys.stderr)
    try:
        answer = input("Number, name or id: ").strip()
    except EOFError:
        answer = ""
    if answer.isdecimal() and 0 < int(answer) <= len(candidates):
        return candidates[int(answer) - 1]
    for each in candidates:
        if answer.casefold() in (each.id.casefold(), each.name.casefold()):
            return each
    raise UserError(f"{answer!r} is none of them: import again and choose one, or say --me.")


def _no_messages(paths: list[Path], log: ImportLog) -> str:
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in log.skipped.most_common())
    return f"There is no message in {', '.join(map(str, paths))}{f' but {skipped}' if skipped else ''}."


def _progress(size: int, meter: Meter, hidden: bool) -> AbstractContextManager[Any]:
    """Return a progress bar with bytes read, speed and time left, if stderr is a terminal."""
    console = Console(stderr=True)
    if hidden or not console.is_terminal:
        return nullcontext()
    progress = Progress(
        TextColumn("Reading"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = progress.add_task("", total=size)
    meter.tell = lambda count: progress.advance(task, count)
    return progress
