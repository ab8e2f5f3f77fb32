"""The options of an import, and the record of messages that importers leave out."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

MOST_NOTES = 100
MOST_UNKNOWN, LONGEST_UNKNOWN = 100, 60  # names of unknown kinds, and characters of one
_OTHERS = "others"


@dataclass(slots=True)
class ImportLog:
    """`skipped` counts left-out messages by reason; `notes` are sentences for the person, each kept once.

    `dates` is the user's --dates: the first number of a date in files whose dates fit both orders. `texts` is
    the user's --as: what texts are that no format knows. `kept`
    counts what a reader keeps in another form or for another use than it stands in the file, by description.
    `unknown` counts messages of a kind that no reader knows, by the export's name for it; they are kept
    without words.
    """

    dates: Literal["", "day", "month"] = ""
    texts: Literal["", "facts", "posts"] = ""
    skipped: Counter[str] = field(default_factory=Counter)
    notes: dict[str, None] = field(default_factory=dict)
    kept: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def skip(self, reason: str, count: int = 1) -> None:
        """Count messages that are left out."""
        if count:
            self.skipped[reason] += count

    def keep(self, description: str, count: int = 1) -> None:
        """Count what is kept in another form or for another use."""
        if count:
            self.kept[description] += count

    def count_unknown(self, name: str) -> None:
        """Count a message of an unknown kind; beyond the bound of names, as one of "others"."""
        name = name[:LONGEST_UNKNOWN]
        self.unknown[name if name in self.unknown or len(self.unknown) < MOST_UNKNOWN else _OTHERS] += 1

    def note(self, sentence: str) -> None:
        """Keep a sentence for the end of the import, once; beyond the bound, count it."""
        if len(self.notes) < MOST_NOTES or sentence in self.notes:
            self.notes[sentence] = None
        else:
            self.skipped["notes, which found no room"] += 1
