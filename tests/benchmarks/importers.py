"""The speed and the memory of reading exports, beside chatpack (Rust), ijson and msgspec (C).

    python -m tests.benchmarks.importers [--megabytes 100] [--rounds 3] [--folder FOLDER]

Every reader runs in a process of its own, one after another and round after round, so that a slow minute of
the machine meets all of them; the table has the median. Seconds are CPU time, on which other programs weigh
less. `chatpack` 0.1.0 and `ijson` are measured where they are installed.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from statistics import median
from time import process_time
from typing import Any

ROOT = Path(__file__).parents[2]
WORDS = "the a lamp river kettle seven quietly moss window 你好 今天 grand tea boats blue yes no 🙂".split()
SPEED = 20  # MB/s, at least
SHARE = 0.5  # of chatpack's messages in a second, at least
RAM = 250  # MB, at most


def telegram(number: int, random: Random) -> dict[str, Any]:
    """A message as Telegram Desktop writes it."""
    text = " ".join(random.choices(WORDS, k=random.randint(2, 18)))
    parts = [f"{text} ", {"type": "link", "text": "https://example.org"}]
    replies = {"reply_to_message_id": max(1, number - 3)} if number % 5 == 0 else {}
    return {
        "id": number,
        "type": "message",
        "date": "2023-01-01T00:00:00",
        "date_unixtime": str(1672531200 + number * 7),
        "from": "Ana Reed",
        "from_id": f"user{1000 + number % 9}",
        **replies,
        "text": parts if number % 7 == 0 else text,
        "text_entities": [{"type": "plain", "text": text}],
    }


def discord(number: int, random: Random) -> dict[str, Any]:
    """A message as DiscordChatExporter writes it."""
    author = {
        "id": str(10**17 + number % 9),
        "name": "ana",
        "discriminator": "0000",
        "nickname": "Ana Reed",
        "color": "#AABBCC",
        "isBot": False,
        "roles": [{"id": "9", "name": "crew", "color": "#112233", "position": 3}],
        "avatarUrl": "https://cdn.example.org/avatars/1/abcdef.png",
    }
    emoji = {
        "id": "",
        "name": "x",
        "code": "y",
        "isAnimated": False,
        "imageUrl": "https://cdn.example.org/x.svg",
    }
    reference = {"reference": {"messageId": str(number - 1), "channelId": "77", "guildId": "1"}}
    return {
        "id": str(10**18 + number),
        "type": "Reply" if number % 5 == 0 else "Default",
        "timestamp": f"2023-01-{number // 86400 % 28 + 1:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:"
        f"{number % 60:02}.123+02:00",
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": " ".join(random.choices(WORDS, k=random.randint(2, 18))),
        "author": author,
        "attachments": [],
        "embeds": [],
        "stickers": [],
        "reactions": [{"emoji": emoji, "count": 1, "users": []}] if number % 10 == 0 else [],
        "mentions": [],
        **(reference if number % 5 == 0 else {}),
        "inlineEmojis": [],
    }


HEADS = {
    "telegram": ' "name": "Harbour",\n "type": "private_supergroup",\n "id": 4242,\n "messages": [',
    "discord": '  "guild": {\n    "id": "1",\n    "name": "Quay"\n  },\n  "channel": {\n    "id": "77",\n'
    '    "type": "GuildTextChat",\n    "name": "general"\n  },\n  "messages": [',
}
MAKERS: dict[str, tuple[Callable[[int, Random], dict[str, Any]], int]] = {
    "telegram": (telegram, 1),
    "discord": (discord, 2),
}


def generate(kind: str, path: Path, size: int) -> int:
    """Write an export of about `size` bytes, indented as its program does; return the number of messages."""
    make, indent = MAKERS[kind]
    random, number = Random(kind), 0
    margin = "\n" + " " * (2 * indent)
    with path.open("w", encoding="utf-8") as file:
        file.write("{\n" + HEADS[kind])
        while file.tell() < size:
            for _ in range(1000):
                number += 1
                text = json.dumps(make(number, random), ensure_ascii=False, indent=indent)
                file.write("," * (number > 1) + margin + text.replace("\n", margin))
        file.write("\n" + " " * indent + "]\n}\n")
    return number


def ours(kind: str, path: Path) -> Iterator[Any]:
    from training.importers import registry

    return registry.read_exports(path)


def chatpack(kind: str, path: Path) -> Iterator[Any]:
    """Read a stream; chatpack's stream for Discord reads JSON Lines only, so Discord is parsed whole."""
    import chatpack  # type: ignore[import-not-found,unused-ignore]

    if kind == "telegram":
        return iter(chatpack.TelegramStreamParser(str(path)))
    return iter(chatpack.DiscordParser().parse(str(path)))


def ijson(kind: str, path: Path) -> Iterator[Any]:
    import ijson  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with path.open("rb") as file:
        yield from ijson.items(file, "messages.item")


def msgspec(kind: str, path: Path) -> Iterator[Any]:
    """Decode the whole file at once."""
    import msgspec

    return iter(msgspec.json.decode(path.read_bytes())["messages"])


READERS: dict[str, Callable[[str, Path], Iterator[Any]]] = {
    "training.importers": ours,
    "chatpack": chatpack,
    "ijson": ijson,
    "msgspec": msgspec,
}
COMMAND = "python -m training import"


def measure(reader: str, kind: str, path: Path) -> None:
    """Print CPU seconds, messages, and the peak memory in MB; runs in a process of its own."""
    for module in ("training.__main__", "chatpack", "ijson", "msgspec"):  # imports are not measured
        if find_spec(module):
            import_module(module)
    began = process_time()
    count = command(path) if reader == COMMAND else sum(1 for _ in READERS[reader](kind, path))
    seconds = process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([seconds, count, peak]))


def command(path: Path) -> int:
    """Import into a persona's folder; return the number of messages."""
    from contextlib import redirect_stdout
    from io import StringIO

    from training.__main__ import main

    with tempfile.TemporaryDirectory(dir=path.parent) as folder, redirect_stdout(StringIO()) as out:
        Path(folder, "config.toml").write_text("")
        Path(folder, "personas/mara").mkdir(parents=True)
        options = ["--config", f"{folder}/config.toml", "import", str(path), "--persona", "mara"]
        assert main([*options, "--me", "Ana Reed", "--json"]) == 0
        return int(json.loads(out.getvalue())["added"])


def run(reader: str, kind: str, path: Path) -> tuple[float, int, float]:
    arguments = [sys.executable, "-m", "tests.benchmarks.importers", "--measure", reader, kind, str(path)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, count, peak = json.loads(done.stdout)
    return float(seconds), int(count), float(peak)


def table(kind: str, path: Path, messages: int, rounds: int) -> None:
    """Print a line for each reader: the median of its rounds."""
    size = path.stat().st_size / 1e6
    readers = [name for name in READERS if name == "training.importers" or find_spec(name)]
    runs: dict[str, list[tuple[float, int, float]]] = {name: [] for name in [*readers, COMMAND]}
    for _ in range(rounds):
        for name, found in runs.items():
            found.append(run(name, kind, path))
    print(f"\n{kind}: {size:.0f} MB, {messages:,} messages")
    rival = median(messages / seconds for seconds, *_ in runs["chatpack"]) if "chatpack" in runs else None
    for name in [*READERS, COMMAND]:
        if name not in runs:
            print(f"  {name:<26} not installed")
            continue
        seconds = median(seconds for seconds, *_ in runs[name])
        peak = median(peak for *_, peak in runs[name])
        share = f"{messages / seconds / rival:5.2f} of chatpack" if rival else ""
        count = runs[name][0][1]
        lost = "" if count == messages else f"  finds only {count:,}"
        rates = f"{messages / seconds:>9,.0f}/s {size / seconds:6.1f} MB/s"
        print(f"  {name:<26} {rates} {peak:6.0f} MB  {share}{lost}")
    verdict(size, messages, rival, runs)


def verdict(
    size: float, messages: int, rival: float | None, runs: dict[str, list[tuple[float, int, float]]]
) -> None:
    seconds = median(seconds for seconds, *_ in runs["training.importers"])
    peak = max(peak for name in ("training.importers", COMMAND) for *_, peak in runs[name])
    print(f"  at least {SPEED} MB/s: {'holds' if size / seconds >= SPEED else 'MISSED'}")
    print(f"  at most {RAM} MB of memory: {'holds' if peak <= RAM else 'MISSED'}")
    if rival:
        print(
            f"  at least {SHARE} of chatpack: {'holds' if messages / seconds >= SHARE * rival else 'MISSED'}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=100, help="size of each file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the files are made (default: a temporary folder)")
    parser.add_argument("--measure", nargs=3, metavar=("READER", "KIND", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        reader, kind, path = options.measure
        measure(reader, kind, Path(path))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for kind in MAKERS:
            path = Path(folder, f"{kind}.json")
            table(kind, path, generate(kind, path, options.megabytes * 1_000_000), options.rounds)
            path.unlink()


if __name__ == "__main__":
    main()
