"""The command `formats`: which exports and data sets are read, how to get them, and what becomes of them."""

import argparse
import difflib
import re
import shutil
import textwrap
from argparse import Namespace
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from bot.errors import UserError
from bot.system.console import json_text
from training.commands.types import Commands
from training.importers.registry import FORMATS, Format

HEADING = ("format", "how to export it", "what is read", "what is left out")
_SHARES = (18, 34, 24, 24)  # of the width, in percent
_LEAST, _MOST = 80, 160  # columns of a terminal that the table is made for
# what people call a format that no guide names so
_OTHER_NAMES = {
    "gmail": "e-mail",
    "outlook": "e-mail",
    "diary": "texts and markdown",
    "journal": "texts and markdown",
}
_INTRODUCTION = """# Formats

`python -m training formats` prints this table, `formats NAME` one format, and `formats --markdown` this page.
The format of a file is found by its content; zips and folders are read as they are.
"""
_EXAMPLES = """
## Data sets

One record of each; `python -m training formats NAME` shows it too.
"""


def add_formats_command(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add this command to the command line."""
    command = commands.add_parser("formats", help="list the exports that are read, and how to get them")
    command.add_argument("name", metavar="NAME", nargs="?", help="a format, or a part of its name")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the table as JSON")
    form.add_argument("--markdown", action="store_true", help="the table as a page in Markdown")
    command.set_defaults(command="formats")


def show_formats(options: Namespace) -> str:
    """Return the table, or one format. Raises `UserError` for a name that no format has."""
    chosen = _named(options.name) if options.name else list(FORMATS)
    if options.json:
        return json_text([_as_object(each) for each in chosen], indent=2)
    if options.markdown:
        return markdown_page(chosen).rstrip("\n")
    if len(chosen) == 1:
        return _details(chosen[0])
    width = min(_MOST, max(_LEAST, shutil.get_terminal_size((120, 24)).columns))
    rows = [cell for each in chosen for cell in (*_text_row(table_row(each), width), "")]
    advice = "`python -m training formats NAME` shows one of them, for data sets with an example."
    return "\n".join((*_text_row(HEADING, width), "", *rows, advice))


def table_row(importer: Format) -> tuple[str, ...]:
    """Return the cells of a format."""
    guide = importer.GUIDE
    return importer.TITLE, guide.steps, guide.reads, guide.leaves_out


def markdown_page(importers: Iterable[Format] = FORMATS) -> str:
    """Return the page docs/formats.md."""
    chosen = list(importers)
    rows = [HEADING, ("---",) * len(HEADING), *map(table_row, chosen)]
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    with_example = [each for each in chosen if each.GUIDE.example]
    shown = [f"{each.TITLE}:\n\n```\n{each.GUIDE.example}\n```\n" for each in with_example]
    return "\n".join((_INTRODUCTION, *lines, *([_EXAMPLES, *shown] if shown else [""])))


def _named(name: str) -> list[Format]:
    """Return the format of this title, or else all whose title or guide holds the word."""
    wanted = name.casefold().strip()
    wanted = _OTHER_NAMES.get(wanted, wanted)
    whole = [each for each in FORMATS if each.TITLE.casefold() == wanted]
    begins = re.compile(rf"(?<!\w){re.escape(wanted)}")
    found = whole or [
        each for each in FORMATS if wanted in each.TITLE.casefold() or begins.search(_guide_words(each))
    ]
    if not found:
        known = ", ".join(each.TITLE for each in FORMATS)
        near = _near(wanted)
        meant = f"do you mean {' or '.join(near)}? Known" if near else "known"
        raise UserError(f"There is no format {name!r}: {meant} are {known}.")
    return found


def _guide_words(importer: Format) -> str:
    guide = importer.GUIDE
    return " ".join((guide.steps, guide.reads, *guide.marks, guide.example)).casefold()


def _near(wanted: str) -> list[str]:
    """Return the titles of the formats one of whose words is nearly this one."""
    titles = {word.strip("()").casefold(): each.TITLE for each in FORMATS for word in each.TITLE.split()}
    titles |= {each.TITLE.casefold(): each.TITLE for each in FORMATS}
    close = difflib.get_close_matches(wanted, titles, n=3, cutoff=0.7)
    return list(dict.fromkeys(titles[word] for word in close))


def _as_object(importer: Format) -> dict[str, object]:
    guide = importer.GUIDE
    return {
        "format": importer.TITLE,
        "export": guide.steps,
        "reads": guide.reads,
        "leaves_out": guide.leaves_out,
        "marks": list(guide.marks),
        "example": guide.example,
    }


def _details(importer: Format) -> str:
    guide = importer.GUIDE
    parts = [importer.TITLE, guide.steps, guide.reads, guide.leaves_out]
    if guide.marks:
        parts.append(f"Its files hold: {', '.join(guide.marks)}.")
    if guide.example:
        parts.append(f"A record: {guide.example}")
    return "\n".join(parts)


def _text_row(cells: Sequence[str], width: int) -> list[str]:
    """Return a row of the table as lines, each cell wrapped into its column."""
    widths = [width * share // 100 - 2 for share in _SHARES]
    columns = [
        textwrap.wrap(cell, size, break_on_hyphens=False) for cell, size in zip(cells, widths, strict=True)
    ]
    lines = zip_longest(*columns, fillvalue="")
    padded = (map(str.ljust, line, widths) for line in lines)
    return ["  ".join(line).rstrip() for line in padded]
