"""The command `forget`: somebody's words leave the data, and the adapters that hold them are named."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.errors import UserError
from bot.files import open_draft
from training.store.lineage import Pseudonyms, adapters, opt_out
from training.store.scrubbing import SCRUBBED

_PSEUDONYM = re.compile(r"[0-9a-f]{32}")


class _Key(msgspec.Struct, gc=False):
    platform: str
    author: str
    author_name: str
    is_self: bool | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many messages were erased, and the manifests of the adapters that were trained on them."""

    messages: int
    adapters: tuple[Path, ...]


def forget(folder: Path, author: str) -> Forgotten:
    """Erase an author's messages from a persona's work folder, and let no later import bring them back.

    `author` is an id, platform/id, a pseudonym, or a name. Raises `UserError` where several authors have it,
    none does, or it is the persona's own.
    """
    work = folder / "work"
    pseudonyms, path = Pseudonyms(work), work / "messages.jsonl"
    people = _people(path, pseudonyms)
    who = _find(author, people, pseudonyms)
    holding = tuple(manifest for manifest, authors in adapters(folder) if who in authors)
    opt_out(work, who)
    for copy in (SCRUBBED, "scrub-review.txt", "scrub-review.json", "report.html", "report.json"):
        (work / copy).unlink(missing_ok=True)
    return Forgotten(_erase(path, pseudonyms, who) if who in people else 0, holding)


def _people(path: Path, pseudonyms: Pseudonyms) -> dict[str, _Key]:
    """Everybody who wrote, by pseudonym, as they are called last."""
    people = dict[tuple[str, str], _Key]()
    for _, key in _lines(path):
        people[key.platform, key.author] = key
    return {pseudonyms.of(*who): key for who, key in people.items()}


def _find(author: str, people: dict[str, _Key], pseudonyms: Pseudonyms) -> str:
    """The pseudonym of whoever is meant, also of somebody forgotten before who is named by platform/id."""
    named = author.casefold()
    exact = [p for p, key in people.items() if author in (p, key.author, f"{key.platform}/{key.author}")]
    found = exact or [p for p, key in people.items() if key.author_name.casefold() == named]
    if len(found) > 1:
        ids = ", ".join(sorted(f"{people[p].platform}/{people[p].author}" for p in found))
        raise UserError(f"Several authors are called {author!r}: say which ({ids}), one after another.")
    if found and people[found[0]].is_self:
        raise UserError(f"{author!r} is the persona: delete its work folder to forget it.")
    if found:
        return found[0]
    if _PSEUDONYM.fullmatch(author):
        return author
    platform, slash, id = author.partition("/")
    if not slash:
        raise UserError(f"Nobody in the messages has the name or id {author!r}: say it as the export does.")
    return pseudonyms.of(platform, id)


def _erase(path: Path, pseudonyms: Pseudonyms, gone: str) -> int:
    erased, known = 0, dict[tuple[str, str], bool]()
    with open_draft(path) as file:
        for line, key in _lines(path):
            who = key.platform, key.author
            if who not in known:
                known[who] = pseudonyms.of(*who) == gone
            if known[who]:
                erased += 1
            else:
                file.write(line)
    return erased


def _lines(path: Path) -> Iterator[tuple[bytes, _Key]]:
    decoder = msgspec.json.Decoder(_Key)
    try:
        with path.open("rb") as file:
            for line in file:
                yield line, decoder.decode(line)
    except FileNotFoundError:
        return
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): import everything again.") from None
