"""scrubbed.jsonl: messages.jsonl without private details, and a review of the replaced details."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from bot.errors import UserError
from bot.files import open_draft
from bot.message import Author
from bot.persona.persona import Persona
from training.scrub.detectors.span import KnownPerson, SpanLabel
from training.scrub.key import KEY, read_key
from training.scrub.review import ScrubReview
from training.scrub.roster import list_people
from training.scrub.scrubber import Scrubber
from training.store.forgotten_names import read_forgotten_names
from training.store.lists import CONSENT, KEEP, WORDS, read_list
from training.store.message_store import read_messages
from training.store.messages import MESSAGES, ExportedMessage, to_lines
from training.store.roles import is_role

SCRUBBED = "scrubbed.jsonl"
_BATCH = 1024


def scrub_messages(
    work: Path, persona: Persona, advance: Callable[[int], None] = lambda count: None
) -> tuple[Path, Scrubber]:
    """Write scrubbed.jsonl and the review; return the path, and the scrubber for other texts.

    Three lists have one entry a line. consent.txt: people who may be named, by id, platform/id or name.
    words.txt: further words to replace. keep.txt: words to keep. The persona is always named. `advance` gets
    the number of messages that are done. Raises `UserError` where there are no messages.
    """
    source, path = work / MESSAGES, work / SCRUBBED
    if not source.exists():
        raise UserError(f"There are no messages at {source}: `python -m training import` them.")
    scrubber = open_scrubber(work, persona)
    review, batch = ScrubReview(scrubber), list[ExportedMessage]()
    with open_draft(path) as file:
        for message in read_messages(source):
            batch.append(_scrub_message(message, scrubber, review))
            if len(batch) == _BATCH:
                file.write(to_lines(batch))
                batch.clear()
                advance(_BATCH)
        file.write(to_lines(batch))
    review.write_files(work)
    return path, scrubber


def _scrub_message(message: ExportedMessage, scrubber: Scrubber, review: ScrubReview) -> ExportedMessage:
    size, name = len(message.text), message.author_name
    if not is_role(message.platform, message.author):
        name = scrubber.shown_author(_author(message)).name
    labels = [SpanLabel(*label) for label in message.labels if 0 <= label[0] < label[1] <= size]
    scrubbed = scrubber.scrub(message.text, labels)
    review.add_text(message.text, scrubbed)
    return msgspec.structs.replace(
        message, author_name=name, text=scrubbed.text, labels=(), chat_name="", media=()
    )


def open_scrubber(work: Path, persona: Persona) -> Scrubber:
    """Return a scrubber that knows the authors of work/messages.jsonl, who was forgotten, and the lists."""
    source = work / MESSAGES
    persona_ids, listed = set[str](), {line.casefold() for line in read_list(work / CONSENT)}

    def authors() -> Iterator[Author]:
        for message in read_messages(source):
            if is_role(message.platform, message.author):
                continue
            if message.is_self:
                persona_ids.add(_author(message).id)
            yield _author(message)

    people = list_people(authors())
    agreed = [person for person in people if person.id in persona_ids or _names(person) & listed]
    own = KnownPerson("persona", (persona.name, persona.card.name, *persona.names))
    others = [person for person in people if person not in agreed]
    words, keep = read_list(work / WORDS), read_list(work / KEEP)
    return Scrubber(
        read_key(work / KEY),
        consent=[own, *agreed],
        others=others,
        words=words,
        keep=keep,
        forgotten=read_forgotten_names(work),
    )


def _author(message: ExportedMessage) -> Author:
    return Author(f"{message.platform}/{message.author}", message.author_name)


def _names(person: KnownPerson) -> set[str]:
    """Return all entries that name a person in a list."""
    _, _, id = person.id.partition("/")
    return {name.casefold() for name in (person.id, id, *person.names)}
