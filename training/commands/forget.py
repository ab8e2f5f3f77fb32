"""The command `forget`: erase an author's words from the data, and name the adapters that hold them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bot.errors import UserError
from bot.files import open_draft, sync_folder, write_private
from bot.system import replacing
from training.dataset.splits import TRAIN, VALIDATION
from training.runs.folders import run_lock
from training.store.forgotten_names import add_forgotten_names
from training.store.lineage import Pseudonyms, add_opt_out, read_adapter_authors
from training.store.message_store import work_lock
from training.store.messages import MESSAGES
from training.store.scrubbing import SCRUBBED
from training.store.selves import SELVES, read_selves, settle_selves
from training.tokenization.cache import ENCODED

_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_REPORTS = ("scrub-review.txt", "scrub-review.json", "report.html", "report.json")
_DERIVED = (SCRUBBED, TRAIN, VALIDATION, *_REPORTS)
_JOURNAL = "forgetting.json"


class UnknownAuthor(UserError):
    """Nobody in a persona's messages is the author who is to be forgotten."""


class _Key(msgspec.Struct, gc=False):
    platform: str
    author: str
    author_name: str
    is_self: bool | None = None


class _Journal(msgspec.Struct):
    """work/forgetting.json: an author who is being forgotten, and a keyed hash of how the command named them.

    It lets the same command, given again after a kill, find an author whose messages are gone already.
    """

    asked: str
    pseudonym: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The count of erased messages, and the manifests of the adapters that were trained on them."""

    messages: int
    adapters: tuple[Path, ...]


def forget(folder: Path, author: str) -> Forgotten:
    """Erase an author's messages and all that was made of any messages from a persona's work folder.

    No later import or build takes the author's messages. `author` is an id, platform/id, a pseudonym, or a
    name. Keyed hashes of the author's names stay, to replace the names in what others say. Whatever is
    derived goes before its source, so that the same call erases the rest after a kill at any moment;
    `finish_forgetting` ends it once the data are built anew. Raises `UserError` where several authors have
    it, none does (`UnknownAuthor`), the author is the persona, or another command is under way.
    """
    work = folder / "work"
    with work_lock(work), run_lock(work):
        settle_selves(work)
        pseudonyms = Pseudonyms(work)
        authors = _read_authors(work, pseudonyms)
        asked = pseudonyms.of("asked", author.casefold())
        pseudonym = _read_journal(work, asked) or _find_pseudonym(author, authors, pseudonyms)
        manifests = tuple(path for path, holders in read_adapter_authors(folder) if pseudonym in holders)
        write_private(work / _JOURNAL, [msgspec.json.encode(_Journal(asked, pseudonym))])
        add_opt_out(work, pseudonym)
        add_forgotten_names(work, {pseudonym: _read_names(work, pseudonyms, pseudonym)})
        _erase_derived(work)
        erased = _erase_messages(work, pseudonyms, pseudonym) if pseudonym in authors else 0
    return Forgotten(erased, manifests)


def finish_forgetting(work: Path) -> None:
    """Delete the journal of `forget`."""
    (work / _JOURNAL).unlink(missing_ok=True)


def _read_journal(work: Path, asked: str) -> str | None:
    """Return the pseudonym that the same command began to forget, or None."""
    try:
        journal = msgspec.json.decode((work / _JOURNAL).read_bytes(), type=_Journal)
    except (OSError, ValueError):
        return None
    return journal.pseudonym if journal.asked == asked else None


def _erase_derived(work: Path) -> None:
    """Delete every file that was made of messages, and drafts that a killed command left.

    data.json stays: it holds no words, and says how to build the data anew.
    """
    paths = [*(work / name for name in _DERIVED), *work.glob("*.new"), *(work / ENCODED).glob("*")]
    try:
        for path in paths:
            replacing.delete(path)
        sync_folder(work)
    except OSError as error:
        raise UserError(
            f"{error.filename} cannot be deleted ({error.strerror}), and no message was erased: mend that, "
            "and give the command again."
        ) from None


def _read_authors(work: Path, pseudonyms: Pseudonyms) -> dict[str, _Key]:
    """Return the key of each author's last message, by pseudonym."""
    authors, selves = dict[tuple[str, str], _Key](), read_selves(work)
    for _, key in _read_lines(work / MESSAGES):
        authors[key.platform, key.author] = key
    for key in authors.values():
        key.is_self = selves.is_self(key.platform, key.author, "text", key.is_self)
    return {pseudonyms.of(*id): key for id, key in authors.items()}


def _read_names(work: Path, pseudonyms: Pseudonyms, pseudonym: str) -> set[str]:
    """Return every name that an author had in the messages."""
    names = {(key.platform, key.author, key.author_name) for _, key in _read_lines(work / MESSAGES)}
    return {name for platform, author, name in names if pseudonyms.of(platform, author) == pseudonym}


def _find_pseudonym(author: str, authors: dict[str, _Key], pseudonyms: Pseudonyms) -> str:
    """Return the pseudonym of the author; platform/id also finds an author who was forgotten before."""
    name = author.casefold()
    exact = [p for p, key in authors.items() if author in (p, key.author, f"{key.platform}/{key.author}")]
    found = exact or [p for p, key in authors.items() if key.author_name.casefold() == name]
    if len(found) > 1:
        ids = ", ".join(sorted(f"{authors[p].platform}/{authors[p].author}" for p in found))
        raise UserError(f"Several authors are called {author!r}: say which ({ids}), one after another.")
    if found and authors[found[0]].is_self:
        raise UserError(
            f"{author!r} is the persona: delete its work folder to forget it, or take the id out of "
            f"work/{SELVES} if somebody else wrote that."
        )
    if found:
        return found[0]
    if _PSEUDONYM.fullmatch(author):
        return author
    platform, slash, id = author.partition("/")
    if not slash:
        raise UnknownAuthor(
            f"Nobody in the messages has the name or id {author!r}: say it as the export does."
        )
    return pseudonyms.of(platform, id)


def _erase_messages(work: Path, pseudonyms: Pseudonyms, pseudonym: str) -> int:
    """Write messages.jsonl without the author's lines; return their count."""
    erased, is_author = 0, dict[tuple[str, str], bool]()
    with open_draft(work / MESSAGES) as file:
        for line, key in _read_lines(work / MESSAGES):
            id = key.platform, key.author
            if id not in is_author:
                is_author[id] = pseudonyms.of(*id) == pseudonym
            if is_author[id]:
                erased += 1
            else:
                file.write(line)
    return erased


def _read_lines(path: Path) -> Iterator[tuple[bytes, _Key]]:
    decoder = msgspec.json.Decoder(_Key)
    try:
        with path.open("rb") as file:
            for line in file:
                yield line, decoder.decode(line)
    except FileNotFoundError:
        return
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): import everything again.") from None
