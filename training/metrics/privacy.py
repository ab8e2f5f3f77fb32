"""Private details in what the adapter says, and whether they are real: whether the export holds them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bot.persona.persona import Persona
from training.scrub import Scrubber, read_key
from training.store.message_store import read_messages
from training.store.scrubbing import KEY, open_scrubber

NAMES = ("name", "handle")  # kinds that are said by chance: many names are words too


class Private(msgspec.Struct, frozen=True):
    """What a scan of answers found, counted by kind.

    `invented` are details that no message of the export holds, `real` those that one does; `names` are real
    ones that may be words by chance.
    """

    answers: int
    invented: dict[str, int]
    real: dict[str, int]
    names: dict[str, int]


def scan(work: Path, persona: Persona, answers: Sequence[str]) -> Private:
    """Look for private details with what the export knows about names; without one, for all others."""
    source = work / "messages.jsonl"
    scrubber = open_scrubber(work, persona) if source.exists() else Scrubber(read_key(work / KEY))
    found = [(each.kind, each.original.casefold()) for text in answers for each in scrubber.scrub(text).found]
    real = _held(source, {original for _, original in found}) if found and source.exists() else set[str]()
    counts = {name: Counter[str]() for name in ("invented", "real", "names")}
    for kind, original in found:
        where = "invented" if original not in real else "names" if kind in NAMES else "real"
        counts[where][kind] += 1
    return Private(len(answers), *(dict(sorted(counted.items())) for counted in counts.values()))


def _held(source: Path, wanted: set[str]) -> set[str]:
    """Those that stand in some message, or in its author's name, in any case."""
    held = set[str]()
    for said in read_messages(source):
        text = f"{said.author_name}\n{said.text}".casefold()
        held.update(each for each in wanted - held if each in text)
    return held
