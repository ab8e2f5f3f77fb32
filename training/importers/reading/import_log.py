"""What an importer is told, and what it has to say beside its messages: what it left out, and why."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class ImportLog:
    """`skipped` counts messages by the reason they were left out; `notes` are sentences, each said once.

    `dates` is which number of a date is first, for files that do not show it.
    """

    dates: Literal["", "day", "month"] = ""
    skipped: Counter[str] = field(default_factory=Counter)
    notes: dict[str, None] = field(default_factory=dict)

    def skip(self, reason: str, count: int = 1) -> None:
        """Count something that is left out."""
        if count:
            self.skipped[reason] += count

    def note(self, sentence: str) -> None:
        """Say something once."""
        self.notes[sentence] = None
