"""Time and peak memory of the trainer's commands on large exports.

`python -m tests.benchmarks.commands [--tweets 100000] [--telegram 2000]`: an X archive of so many tweets is
imported and built, and a Telegram file of so many megabytes imported; 0 leaves one out.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.importers import generate
from tests.benchmarks.invented import Inventor, posts

ROOT = Path(__file__).parents[2]
ACCOUNT = {"accountId": "1", "username": "mara", "accountDisplayName": "Mara", "email": "mara@example.org"}


def tweet(id: str, text: str, when: float, parent: str | None) -> dict[str, Any]:
    """Return a tweet in the form of an X archive of 2026."""
    made = time.strftime("%a %b %d %H:%M:%S +0000 %Y", time.gmtime(when))
    reply = {"in_reply_to_status_id_str": parent, "in_reply_to_user_id_str": "1"} if parent else {}
    entities: dict[str, list[Any]] = {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []}
    words = {"full_text": text, "lang": "en", "display_text_range": ["0", str(len(text))]}
    return {"tweet": {"id_str": id, "id": id, "created_at": made, "entities": entities, **words, **reply}}


def archive(path: Path, tweets: Sequence[dict[str, Any]]) -> None:
    """Write a zip of an X archive with these tweets of one account."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data/account.js", f"window.YTD.account.part0 = {json.dumps([{'account': ACCOUNT}])}")
        file.writestr("data/tweets.js", f"window.YTD.tweets.part0 = {json.dumps(tweets)}")


def run(root: Path, *words: str) -> None:
    """Run one command of the trainer; print its time and peak memory."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "training", "--config", str(root / "config.toml"), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment)
    assert process.stdout
    output = process.stdout.read().strip().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds, memory = time.perf_counter() - began, used.ru_maxrss / 1024
    spent = used.ru_utime + used.ru_stime
    cost = f"{seconds:8.1f} s{spent:8.1f} s of one core{memory:8.0f} MB"
    print(f"{words[0]:<10}{cost}   {output[0] if output else ''}", flush=True)
    if process.returncode:
        raise SystemExit(f"{words[0]} ended with {process.returncode}")


def measure(root: Path, tweets: int, megabytes: int) -> None:
    """Import both exports, each for a persona of its own."""
    (root / "config.toml").touch()
    for key in ("mara", "ozzo"):
        folder = root / "personas" / key
        folder.mkdir(parents=True)
        for name in ("card.json", "persona.toml"):
            (folder / name).write_bytes((ROOT / "personas" / key / name).read_bytes())
    if tweets:
        own = [said for said in posts(tweets, Inventor(3)) if said.is_self]
        made = [tweet(said.id, said.text, said.time, said.reply_to) for said in own]
        archive(root / "archive.zip", made)
        print(f"an X archive of {tweets:,} tweets, {(root / 'archive.zip').stat().st_size / 1e6:.0f} MB")
        run(root, "import", str(root / "archive.zip"), "--persona", "mara")
        run(root, "build", "--persona", "mara")
    if megabytes:
        messages = generate("telegram", root / "result.json", megabytes * 10**6)
        print(f"a Telegram file of {megabytes:,} MB, {messages:,} messages")
        run(root, "import", str(root / "result.json"), "--persona", "ozzo", "--me", "Ana Reed")


def main(words: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--tweets", type=int, default=100_000)
    options.add_argument("--telegram", type=int, default=2000, metavar="MB")
    chosen = options.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), chosen.tweets, chosen.telegram)


if __name__ == "__main__":
    main()
