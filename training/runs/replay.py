"""The examples that earlier runs learned: new ones are learned fully, and a share of the old ones again.

A run keeps no words, only hashes of its examples. An example that somebody had removed from the data is never
replayed.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.adapter.files import WEIGHTS
from bot.errors import UserError
from bot.files import hash_file, write_private
from training.runs.checkpoints import BEST, KEPT, LAST
from training.runs.folders import list_runs
from training.store.lineage import read_adapter_authors
from training.tokenization.examples import TokenizedExample

LEARNED, BEFORE = "lessons.txt", "before.txt"


def example_hash(example: TokenizedExample) -> str:
    """Return 24 hexadecimal digits of the SHA-256 of an example's ids."""
    return hashlib.sha256(example.ids.tobytes()).hexdigest()[:24]


def write_example_hashes(folder: Path, name: str, hashes: Iterable[str]) -> None:
    """Write the hashes of examples into a file of a run's folder."""
    write_private(folder / name, [f"{each}\n".encode() for each in sorted(set(hashes))])


def read_example_hashes(folder: Path, name: str) -> frozenset[str]:
    """Return the hashes that a run wrote; empty without the file. Raises `UserError`."""
    try:
        return frozenset((folder / name).read_text("ascii").split())
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / name} cannot be read: {error}.") from None


def find_run(adapter: Path, work: Path) -> Path | None:
    """Return the folder of the persona's newest run that made an adapter, wherever that was copied to."""
    wanted = hash_file(adapter / WEIGHTS, missing_ok=True)
    for folder in reversed(list_runs(work)):
        states = (state / WEIGHTS for state in (folder / BEST, folder / LAST, *folder.glob(KEPT)))
        if any(path.exists() and hash_file(path) == wanted for path in states):
            return folder
    return None


def learned_examples(adapter: Path, work: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the hashes of the examples that an adapter learned, and their authors.

    Both are empty if no run of the persona made the adapter.
    """
    folder = find_run(adapter, work)
    if folder is None:
        return frozenset(), frozenset()
    authors = (authors for path, authors in read_adapter_authors(folder) if path.parent == folder)
    return read_example_hashes(folder, LEARNED), next(authors, frozenset())


def split_replay(
    examples: Sequence[TokenizedExample], before: frozenset[str]
) -> tuple[tuple[TokenizedExample, ...], tuple[TokenizedExample, ...]]:
    """Return the examples that are new, and those whose hash is in `before`."""
    known = [example_hash(example) in before for example in examples]
    return (
        tuple(example for example, old in zip(examples, known, strict=True) if not old),
        tuple(example for example, old in zip(examples, known, strict=True) if old),
    )
