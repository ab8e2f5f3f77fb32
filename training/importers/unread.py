"""The files of an export that are not read: sentences about them, for the summary or as a refusal."""

import shlex
from collections.abc import Collection, Mapping, Sequence

from training.importers.likeness import Described, find_nearest
from training.importers.reading.sniff import FileHead
from training.importers.reading.source import Source
from training.importers.texts import own_texts

_SHOWN = 3  # files that are named
_LEAST_SHARE = 0.66  # of a format's marks: fewer are in many a file of a download by chance
_TEXTS = (".txt", ".md", ".markdown", ".org", ".rst")
_COMPANIONS = ("readme", "license", "index.", "start_here", "manifest")  # starts of names


def describe_unread(
    unknown: Sequence[FileHead],
    more: int,
    formats: Sequence[Described],
    found: Collection[str],
    pages: Mapping[str, str],
) -> list[str]:
    """Return sentences about unknown files: those that look like somebody's words by name, others as a count.

    `more` counts unknown files without a head, `found` are the titles of the formats that were read, and
    `pages` maps marks of HTML pages to the advice for them.
    """
    likely = [(head, reason) for head in unknown if (reason := _reason(head, formats, found, pages))]
    sentences = list[str]()
    if likely:
        shown = "; ".join(f"{head.source.path or head.source} {reason}" for head, reason in likely[:_SHOWN])
        rest = f"; and {len(likely) - _SHOWN:,} more" if len(likely) > _SHOWN else ""
        sentences.append(f"Not read, {_count(len(likely), 'file')}: {shown}{rest}.")
    if others := len(unknown) - len(likely) + more:
        hold = "holds" if others == 1 else "hold"
        sentences.append(f"{_count(others, 'other file')} of the download {hold} no messages that are known.")
    return sentences


def pickle_refusal(source: Source) -> str:
    """Return the reason why a pickle is not opened, and the command that makes JSON of it."""
    code = "import json, pickle, sys; json.dump(pickle.load(sys.stdin.buffer), sys.stdout)"
    name = shlex.quote(source.name)
    return (
        f"{source} is a Python pickle, which can run code when it is opened: if you trust whoever made it, "
        f'save it as JSON with `python -c "{code}" < {name} > {name}.json`, and import that.'
    )


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _reason(
    head: FileHead, formats: Sequence[Described], found: Collection[str], pages: Mapping[str, str]
) -> str:
    """Return why a file that looks like a chat, a data set, an archive or a text is not read; else ""."""
    name = head.source.name.lower()
    if name.startswith(_COMPANIONS):
        return ""
    if head.is_archive:
        return "is an archive: unpack it, and import what it holds"
    if head.is_html:
        advice = next((advice for mark, advice in pages.items() if mark in head.text), "")
        return f"is a page for people (HTML): {advice[:1].lower()}{advice[1:]}" if advice else ""
    nearest = find_nearest([head], [each for each in formats if each.TITLE not in found])
    if nearest and nearest.share >= _LEAST_SHARE and nearest.missing:
        lacking = " and ".join(f'"{mark}"' for mark in nearest.missing)
        return f"is nearest to {nearest.title}, but has no {lacking}"
    if name.endswith(_TEXTS) and own_texts.is_text(head):
        return "is a text that no format knows: --as facts or --as posts reads it as the persona's own"
    return ""
