"""Private details in the adapter's answers, told apart by whether the export holds them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bot.persona.persona import Persona
from training.scrub.key import KEY, read_key
from training.scrub.scrubber import Scrubber
from training.store.message_store import read_messages
from training.store.messages import MESSAGES
from training.store.scrubbing import open_scrubber

NAMES = ("name", "handle")  # kinds that may be chance: many names are words too


class PrivacyFindings(msgspec.Struct, frozen=True):
    """Private details in answers, counted by kind.

    No message of the export holds the `invented` details; `real` are those that one holds, and `names` the
    real ones that may be words by chance.
    """

    answers: int
    invented: dict[str, int]
    real: dict[str, int]
    names: dict[str, int]


def scan_answers(work: Path, persona: Persona, answers: Sequence[str]) -> PrivacyFindings:
    """Look for private details with the export's names; without an export, for all kinds but names."""
    source = work / MESSAGES
    scrubber = open_scrubber(work, persona) if source.exists() else Scrubber(read_key(work / KEY))
    found = [(each.kind, each.original.casefold()) for text in answers for each in scrubber.scrub(text).found]
    real = _in_export(source, {original for _, original in found}) if found and source.exists() else set()
    counts = {name: Counter[str]() for name in ("invented", "real", "names")}
    for kind, original in found:
        group = "invented" if original not in real else "names" if kind in NAMES else "real"
        counts[group][kind] += 1
    return PrivacyFindings(len(answers), *(dict(sorted(counted.items())) for counted in counts.values()))


def _in_export(source: Path, originals: set[str]) -> set[str]:
    """Return those that stand in some message or author's name, in any case."""
    seen = set[str]()
    for message in read_messages(source):
        text = f"{message.author_name}\n{message.text}".casefold()
        seen.update(each for each in originals - seen if each in text)
    return seen
