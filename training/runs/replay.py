"""What earlier runs learned: so that new words are learned fully, and of the old ones a part again.

A run keeps no words, only marks of its lessons. What somebody had taken out of the data is never replayed.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.errors import UserError
from training.runs import folders
from training.runs.checkpoints import WEIGHTS
from training.store.atomic import write_private
from training.store.lineage import hash_file, read_adapter_authors
from training.tokenization.examples import TokenizedExample

MARKS, BEFORE, MANIFEST = "lessons.txt", "before.txt", "manifest.json"


def example_hash(row: TokenizedExample) -> str:
    """What tells lessons apart."""
    return hashlib.sha256(row.ids.tobytes()).hexdigest()[:24]


def write(folder: Path, name: str, marks: Iterable[str]) -> None:
    """Write the marks of lessons into a run's folder."""
    write_private(folder / name, [f"{each}\n".encode() for each in sorted(set(marks))])


def read(folder: Path, name: str) -> frozenset[str]:
    """The marks that a run wrote; none where it wrote none."""
    try:
        return frozenset((folder / name).read_text("ascii").split())
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / name} cannot be read: {error}.") from None


def run_of(adapter: Path, work: Path) -> Path | None:
    """The folder of the persona's run that made an adapter, wherever that was copied to."""
    wanted = hash_file(adapter / WEIGHTS)
    for folder in reversed(folders.every(work)):
        states = (folder / name / WEIGHTS for name in ("best", "last"))
        if any(path.exists() and hash_file(path) == wanted for path in states):
            return folder
    return None


def learned_by(adapter: Path, work: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The marks of what an adapter learned, and the authors of it, if one of the persona's runs made it."""
    folder = run_of(adapter, work)
    if folder is None:
        return frozenset(), frozenset()
    authors = (authors for path, authors in read_adapter_authors(folder) if path.parent == folder)
    return read(folder, MARKS), next(authors, frozenset())


def split_replay(
    rows: Sequence[TokenizedExample], before: frozenset[str]
) -> tuple[tuple[TokenizedExample, ...], tuple[TokenizedExample, ...]]:
    """Lessons that are new, and those that were learned before."""
    known = [example_hash(row) in before for row in rows]
    return (
        tuple(row for row, old in zip(rows, known, strict=True) if not old),
        tuple(row for row, old in zip(rows, known, strict=True) if old),
    )
