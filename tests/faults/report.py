"""The report of a soak: the fate of every message, and whether all promises were kept."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.faults.gauges import Gauges
from tests.faults.side import Outcome

WORDS = ("say #", "have heard", "indeed")  # what people and bots say


@dataclass(frozen=True, slots=True)
class Report:
    """The outcomes, leaks, gauges and faults of one soak."""

    outcomes: dict[str, Outcome]
    half: list[str]
    leaked: list[str]
    code: int
    gauges: Gauges
    struck: Counter[str]

    @property
    def rows(self) -> list[str]:
        lives = [f"{name}: {outcome.row}" for name, outcome in self.outcomes.items()]
        struck = f"{self.struck.total()} troubles of {len(self.struck)} kinds"
        kept = (
            f"{len(self.half)} half turns, {len(self.leaked)} words or tokens in files where they may not be"
        )
        ends = f"{struck}; {kept}; exit code {self.code}"
        return [*(gauge.row for gauge in self.gauges.all.values()), *lives, ends]

    @property
    def is_right(self) -> bool:
        kept = all(outcome.is_right for outcome in self.outcomes.values())
        return kept and not (self.half or self.leaked or self.gauges.grown or self.code)


def leaks(folder: Path, secrets: list[str]) -> list[str]:
    """Return the files that hold a token, and the message texts that stand in the log."""
    found = [
        f"{secret[:4]}... in {file.name}"
        for file in folder.rglob("*")
        if file.is_file()
        for secret in secrets
        if secret.encode() in file.read_bytes()
    ]
    log = (folder / "log").read_text()
    return found + [f"{words!r} in the log" for words in WORDS if words in log]
