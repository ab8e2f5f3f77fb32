"""messages.jsonl without private details, before anything is made of it, and a review of what went."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bot.errors import UserError
from bot.message import Author
from bot.persona.persona import Persona
from training.scrub import Label, Person, Review, Scrubber, read_key
from training.scrub.roster import everybody
from training.store.atomic import draft
from training.store.message_store import read_messages
from training.store.messages import ExportedMessage, to_lines

SCRUBBED, KEY = "scrubbed.jsonl", "secret.key"
CONSENT, WORDS, KEEP = "consent.txt", "words.txt", "keep.txt"
_BATCH = 1024


def scrub_messages(work: Path, persona: Persona) -> tuple[Path, Scrubber]:
    """Write scrubbed.jsonl and the review; the scrubber is for whatever else is learned.

    One a line, consent.txt lists who may be named, by id, platform/id or name; words.txt what goes besides,
    and keep.txt what stays. The persona is always named.
    """
    source, path = work / "messages.jsonl", work / SCRUBBED
    if not source.exists():
        raise UserError(f"There are no messages at {source}: `python -m training import` them.")
    scrubber = open_scrubber(work, persona)
    review, batch = Review(scrubber), list[ExportedMessage]()
    with draft(path) as file:
        for said in read_messages(source):
            batch.append(_scrubbed(said, scrubber, review))
            if len(batch) == _BATCH:
                file.write(to_lines(batch))
                batch.clear()
        file.write(to_lines(batch))
    review.write(work)
    return path, scrubber


def _scrubbed(said: ExportedMessage, scrubber: Scrubber, review: Review) -> ExportedMessage:
    shown = scrubber.author(_author(said))
    labels = [Label(*label) for label in said.labels if 0 <= label[0] < label[1] <= len(said.text)]
    found = scrubber.scrub(said.text, labels)
    review.add(said.text, found)
    return msgspec.structs.replace(
        said, author_name=shown.name, text=found.text, labels=(), chat_name="", media=()
    )


def open_scrubber(work: Path, persona: Persona) -> Scrubber:
    """The scrubber that knows everybody in work/messages.jsonl, and the lists beside it."""
    source = work / "messages.jsonl"
    selves, listed = set[str](), {line.casefold() for line in read_list(work / CONSENT)}

    def authors() -> Iterator[Author]:
        for said in read_messages(source):
            if said.is_self:
                selves.add(_author(said).id)
            yield _author(said)

    people = everybody(authors())
    agreed = [person for person in people if person.id in selves or _names(person) & listed]
    own = Person("persona", (persona.name, persona.card.name, *persona.names))
    others = [person for person in people if person not in agreed]
    words, keep = read_list(work / WORDS), read_list(work / KEEP)
    return Scrubber(read_key(work / KEY), consent=[own, *agreed], others=others, words=words, keep=keep)


def _author(said: ExportedMessage) -> Author:
    return Author(f"{said.platform}/{said.author}", said.author_name)


def _names(person: Person) -> set[str]:
    """Whatever may stand for somebody in a list."""
    _, _, id = person.id.partition("/")
    return {name.casefold() for name in (person.id, id, *person.names)}


def read_list(path: Path) -> Sequence[str]:
    """The lines of a list, without remarks (#) and empty ones; of no file, none."""
    try:
        text = path.read_text("utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}): write one entry a line, in UTF-8.") from None
    return [line for row in text.splitlines() if (line := row.partition("#")[0].strip())]
