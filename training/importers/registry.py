"""Exports of every kind as one stream of messages: the format is found by content, never by a file's name."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.errors import UserError
from training.importers.chats import (
    chatlab,
    discord_exporter,
    discord_package,
    line,
    meta,
    qq,
    reddit,
    slack,
    telegram,
    wechat,
    weibo,
)
from training.importers.chats.twitter import archive
from training.importers.chats.whatsapp import chat
from training.importers.datasets import alpaca, chatml, cutegpt, oasst, sharegpt, xtuner
from training.importers.reading import sniff
from training.importers.reading.archive import gather
from training.importers.reading.import_log import ImportLog
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Meter, Source
from training.store.messages import ExportedMessage


class Importer(Protocol):
    """A format: what it is called, whether a file is of it, and its messages."""

    TITLE: str

    def recognises(self, head: FileHead) -> bool:
        """Whether a file that begins like this belongs to the format."""

    def read(self, sources: Sequence[Source], tally: ImportLog) -> Iterator[ExportedMessage]:
        """The messages of all files of one export; raise `UserError` naming the file and what is wrong."""


# in this order: a format that is told by less stands behind those that are told by more
IMPORTERS: tuple[Importer, ...] = (
    archive,
    discord_exporter,
    discord_package,
    chatlab,
    telegram,
    meta,
    slack,
    reddit,
    weibo,
    wechat,
    line,
    qq,
    chat,
    cutegpt,
    alpaca,
    sharegpt,
    oasst,
    chatml,
    xtuner,
)
# how to get from a page for people to a file for programs, by what only such a page holds
_PAGES = {
    "tgme_page": telegram.ADVICE,
    'class="page_wrap': telegram.ADVICE,
    "chatlog__": discord_exporter.ADVICE,
    "preamble__": discord_exporter.ADVICE,
    "_a6-": meta.ADVICE,
    "_3-95": meta.ADVICE,
}
_ANY_PAGE = "Export again, and choose JSON as the format"


@dataclass(frozen=True, slots=True)
class Export:
    """Files of one format that belong together."""

    importer: Importer
    sources: tuple[Source, ...]

    @property
    def size(self) -> int:
        """Bytes, as they are read."""
        return sum(source.size for source in self.sources)

    def read(self, tally: ImportLog) -> Iterator[ExportedMessage]:
        """Its messages."""
        return self.importer.read(self.sources, tally)


def find_exports(path: Path, meter: Meter | None = None) -> list[Export]:
    """The exports in a file, a zip or a folder; raise `UserError` saying what to do if there is none."""
    found: dict[str, list[Source]] = {}
    unknown: list[FileHead] = []
    for source in gather(path, meter or Meter()):
        beginning = sniff.sniff(source)
        importer = next((each for each in IMPORTERS if each.recognises(beginning)), None)
        if importer is None and beginning.is_pickle:
            raise UserError(_pickle(source))
        if importer:
            found.setdefault(importer.TITLE, []).append(source)
        else:
            unknown.append(beginning)
    if not found:
        raise UserError(_nothing(path, unknown))
    return [Export(each, tuple(found[each.TITLE])) for each in IMPORTERS if each.TITLE in found]


def read_exports(path: Path, tally: ImportLog | None = None) -> Iterator[ExportedMessage]:
    """Every message of the exports at a path."""
    for export in find_exports(path):
        yield from export.read(tally or ImportLog())


def _pickle(source: Source) -> str:
    """The reason why a pickle is not opened, and the command that makes JSON of it."""
    code = "import json, pickle, sys; json.dump(pickle.load(sys.stdin.buffer), sys.stdout)"
    name = shlex.quote(source.name)
    return (
        f"{source} is a Python pickle, which can run code when it is opened: if you trust whoever made it, "
        f'save it as JSON with `python -c "{code}" < {name} > {name}.json`, and import that.'
    )


def _nothing(path: Path, unknown: list[FileHead]) -> str:
    """Why there is nothing to import, and what to do."""
    pages = [beginning for beginning in unknown if beginning.is_html]
    if pages:
        advice = next((advice for mark, advice in _PAGES.items() if mark in pages[0].text), _ANY_PAGE)
        return f"{pages[0].source} is a page for people (HTML). {advice}, and import that."
    if len(unknown) == 1 and not unknown[0].raw.strip():
        return f"{unknown[0].source} is empty: export it again."
    known = ", ".join(each.TITLE for each in IMPORTERS)
    return f"{path} holds no export that is known: {known}."
