"""The command `import`: exports of any kind become messages.jsonl, all of them or none."""

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
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.importers.reading.source import Meter
from training.importers.registry import Export
from training.store.message_store import MessageStore
from training.store.participants import Count, Participants, choices


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it. `known` messages were there before this import, `doubled` ones came again."""

    path: Path
    formats: tuple[str, ...]
    census: Participants
    tally: ImportLog
    selves: dict[str, set[str]]
    added: int
    doubled: int
    known: int


def import_exports(options: Namespace, folder: Path) -> Imported:
    """Import what `options` names into a persona's folder; or raise `UserError` and change nothing."""
    meter, tally = Meter(), ImportLog(dates=options.dates or "")
    exports = [export for path in options.paths for export in registry.find_exports(path, meter)]
    path = folder / "work" / "messages.jsonl"
    with MessageStore(path) as shelf:
        census = Participants(tuple(options.me or ()), shelf.selves)
        with _progress(sum(export.size for export in exports), meter, hidden=options.json):
            for export in exports:
                _take(export, shelf, census, tally)
        if not shelf.added + shelf.doubled:
            raise UserError(_nothing(options.paths, tally))
        selves = _settle(shelf, census, may_ask=sys.stdin.isatty() and not options.json)
    titles = tuple(dict.fromkeys(export.importer.TITLE for export in exports))
    return Imported(path, titles, census, tally, selves, shelf.added, shelf.doubled, shelf.known)


def _take(export: Export, shelf: MessageStore, census: Participants, tally: ImportLog) -> None:
    for said in export.read(tally):
        if said.kind == "text" and not said.text.strip():
            tally.skip("empty")
            continue
        is_self = census.meet(said)
        shelf.add(said if is_self is said.is_self else msgspec.structs.replace(said, is_self=is_self))


def _settle(shelf: MessageStore, census: Participants, may_ask: bool) -> dict[str, set[str]]:
    """Make sure for every platform who the persona is, and rewrite what was written before that was known."""
    census.check_names()
    selves = {platform: census.selves(platform) for platform in census.platforms()}
    for platform in [platform for platform, ids in selves.items() if not ids]:
        people = census.candidates(platform)
        if not may_ask:
            raise UserError(
                f"Who is the persona on {platform}? Say --me with a name or an id: {choices(people)}."
            )
        selves[platform] = {_ask(platform, people).id}
    if wrong := {platform: ids for platform, ids in selves.items() if ids != census.written(platform)}:
        shelf.claim({platform: ids | census.earlier.get(platform, set()) for platform, ids in wrong.items()})
    return selves


def _ask(platform: str, people: list[Count]) -> Count:
    """Ask once; raise `UserError` for no answer."""
    lines = [f"{number:>3}  {each.called}, {each.messages:,}" for number, each in enumerate(people, 1)]
    sys.stderr.write("\n".join((f"Who is the persona on {platform}?", *lines, "")))
    try:
        answer = input("Number, name or id: ").strip()
    except EOFError:
        answer = ""
    if answer.isdecimal() and 0 < int(answer) <= len(people):
        return people[int(answer) - 1]
    for each in people:
        if answer.casefold() in (each.id.casefold(), each.name.casefold()):
            return each
    raise UserError(f"{answer!r} is none of them: import again and choose one, or say --me.")


def _nothing(paths: list[Path], tally: ImportLog) -> str:
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in tally.skipped.most_common())
    return f"There is no message in {', '.join(map(str, paths))}{f' but {skipped}' if skipped else ''}."


def _progress(size: int, meter: Meter, hidden: bool) -> AbstractContextManager[Any]:
    """A bar with the bytes read, the speed and the time that is left, on a terminal."""
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
