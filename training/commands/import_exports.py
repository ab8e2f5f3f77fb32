"""The command `import`: add the messages of exports to messages.jsonl, all of them or none."""

import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.errors import UserError
from bot.system.console import write_line
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Meter
from training.importers.registry import Export
from training.progress.display import SILENT, ProgressDisplay
from training.store.message_store import MessageStore
from training.store.participants import MessageCount, Participants, describe_candidates, printable

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

    Where nothing tells who the persona is, the only author with a `likely` name is, or somebody is asked.
    Raises `UserError`, and changes nothing, for exports that cannot be read.
    """
    meter, log = Meter(), ImportLog(dates=options.dates or "", texts=options.texts or "")
    with display.stage("looking for exports"):
        exports = [
            export for path in options.paths for export in registry.find_exports(path, meter, bool(log.texts))
        ]
    with ExitStack() as stack:
        with display.stage("reading the messages so far"):
            store = stack.enter_context(MessageStore(folder / "work"))
        participants = Participants(tuple(options.me or ()), store.selves)
        with display.stage("reading", sum(export.size for export in exports) / MEGABYTE, "MB") as stage:
            meter.tell = lambda count: stage.advance(count / MEGABYTE)
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
        may_ask = asks and sys.stdin.isatty() and not options.json
        selves = _find_selves(participants, may_ask, likely)
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


def _find_selves(
    participants: Participants, may_ask: bool, likely: Sequence[str] = ()
) -> dict[str, set[str]]:
    """Return the persona's author ids on every platform of this import; ask where nothing tells them.

    Raises `UserError` where nobody may be asked, and for a name in --me that no author has.
    """
    participants.check_names()
    selves = {platform: participants.persona_ids(platform) for platform in participants.platforms()}
    for platform in [platform for platform, ids in selves.items() if not ids]:
        candidates = participants.candidates(platform)
        if (found := _named(candidates, likely)) is not None:
            selves[platform] = {found.id}
            continue
        if not may_ask:
            raise UserError(
                f"Who is the persona on {platform}? Say --me with a name or an id: "
                f"{describe_candidates(candidates)}."
            )
        selves[platform] = {_ask(platform, candidates).id}
    return selves


def _named(candidates: Sequence[MessageCount], names: Sequence[str]) -> MessageCount | None:
    """Return the only author who has one of these names."""
    wanted = {name.casefold() for name in names}
    found = [each for each in candidates if each.name.casefold() in wanted]
    return found[0] if len(found) == 1 else None


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
