"""Gives every reader of exports what people do to them, and looks that each is read rightly or refused.

`python -m tests.faults.import_campaign [--format NAME] [--messages 100000] [--fixtures]` damages one chat in
each format that has a writer in `tests/complexity`, and with `--fixtures` each export of `tests/exports`:
empty files, files that end in the middle, another encoding, a folder too high and too low, a zip, a zip in a
zip, two people of one name, and many messages. It prints a row for each, and the faults: a traceback, a
refusal that is no sentence or does not name the path, and messages that are not those of the export. Exit
code 1 says that there are any.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

from bot.errors import UserError
from tests.complexity.documents.chat_formats import Files
from tests.complexity.documents.hostile_chats import Chat, Said
from tests.complexity.test_documents import WRITERS
from tests.paths import EXPORTS
from tests.training.importers.fixtures import FIXTURES
from training.importers import registry
from training.importers.reading.import_log import ImportLog

SAID = ("hello quay", "où est le thé ?", "it is in the boat", "好的", "so be it", "until the tide turns")
CHAT = Chat(tuple(Said(at % 2, text) for at, text in enumerate(SAID)), names=("Ana", "Bø"))
NAMESAKES = Chat(CHAT.messages, names=("Ana", "Ana"))
_ARCHIVES = (".zip", ".tar", ".tar.gz")  # which are refused inside of a zip
Damage = Callable[[Files, Path], Path]


@dataclass
class Outcome:
    """The texts that an import gave, or the sentence that refused it; `fault` is a sentence, "" for none."""

    texts: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    refusal: str = ""
    fault: str = ""
    seconds: float = 0.0

    @property
    def summary(self) -> str:
        left_out = "".join(f", left out: {count:,} {reason}" for reason, count in self.skipped.items())
        read = f"{self.texts.total():,} messages in {self.seconds:.1f} s{left_out}"
        return self.fault or self.refusal or read


def write(files: Files, folder: Path) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def empty(files: Files, folder: Path) -> Path:
    return write(dict.fromkeys(files, b""), folder)


def cut(files: Files, folder: Path) -> Path:
    return write({name: data[: len(data) // 2] for name, data in files.items()}, folder)


def in_latin_1(files: Files, folder: Path) -> Path:
    return write({name: _recoded(data, "latin-1") for name, data in files.items()}, folder)


def in_utf_16(files: Files, folder: Path) -> Path:
    return write({name: _recoded(data, "utf-16") for name, data in files.items()}, folder)


def too_high(files: Files, folder: Path) -> Path:
    """Name the folder above the export, where other files lie."""
    write({"notes.txt": b"buy a lamp", "picture.png": b"\x89PNG", "table.csv": b"a,b\n1,2\n"}, folder)
    write(files, folder / "my export")
    return folder


def too_low(files: Files, folder: Path) -> Path:
    """Name the deepest folder, or of a flat export the largest file."""
    write(files, folder)
    name = max(files, key=lambda name: (name.count("/"), len(files[name])))
    return (folder / name).parent if "/" in name else folder / name


def zipped(files: Files, folder: Path) -> Path:
    path = folder / "export.zip"
    path.write_bytes(_zip(files))
    return path


def zipped_twice(files: Files, folder: Path) -> Path:
    path = folder / "export.zip"
    path.write_bytes(_zip({"export.zip": _zip(files)}))
    return path


SAME: Mapping[str, Damage] = {"whole": write, "a folder too high": too_high, "zip": zipped}
OTHERWISE: Mapping[str, Damage] = {
    "empty": empty,
    "cut in the middle": cut,
    "Latin-1": in_latin_1,
    "UTF-16": in_utf_16,
    "a folder too low": too_low,
    "zip in a zip": zipped_twice,
}


def run(damage: Damage, files: Files) -> Outcome:
    """Import an export after a damage; any exception but `UserError` is a fault."""
    outcome, began = Outcome(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="campaign-") as temporary:
        path = damage(files, Path(temporary))
        try:
            for export in registry.find_exports(path):
                for message in export.read(ImportLog(dates="day", skipped=outcome.skipped)):
                    outcome.texts[message.text] += 1
        except UserError as error:
            outcome.refusal = str(error)
            outcome.fault = _fault_of_sentence(outcome.refusal, path)
        except Exception as error:
            outcome.fault = f"{type(error).__name__}: {error}"
    outcome.seconds = time.monotonic() - began
    return outcome


def outcomes(files: Files) -> Iterator[tuple[str, Outcome]]:
    """Yield what each damage makes of an export."""
    whole = run(write, files)
    for name, damage in SAME.items():
        outcome = run(damage, files)
        is_archive_in_zip = name == "zip" and any(file.endswith(_ARCHIVES) for file in files)
        if (outcome.texts != whole.texts or outcome.refusal) and not is_archive_in_zip:
            outcome.fault = outcome.fault or f"not the messages of the export: {outcome.summary}"
        yield name, outcome
    for name, damage in OTHERWISE.items():
        outcome = run(damage, files)
        if name in ("a folder too low", "zip in a zip") and outcome.texts.total() > whole.texts.total():
            outcome.fault = outcome.fault or "more messages than the whole export has"
        if name == "empty" and outcome.texts:
            outcome.fault = outcome.fault or "messages of empty files"
        yield name, outcome


def outcomes_of_format(title: str, messages: int = 0) -> Iterator[tuple[str, Outcome]]:
    """Yield what becomes of one chat in a format; with `messages`, also of so many."""
    yield from outcomes(WRITERS[title](CHAT))
    expected = run(write, WRITERS[title](CHAT))
    namesakes = run(write, WRITERS[title](NAMESAKES))
    if namesakes.texts != expected.texts:
        namesakes.fault = namesakes.fault or f"of two people of one name, {namesakes.summary}"
    yield "two people of one name", namesakes
    if messages:
        many = run(write, WRITERS[title](Chat(tuple(Said(at % 2, f"tide {at}") for at in range(messages)))))
        if (
            not many.fault
            and not many.skipped
            and len({*many.texts} & {f"tide {at}" for at in range(messages)}) < messages
        ):
            many.fault = f"not all of {messages:,} messages"
        yield f"{messages:,} messages", many


def fixture_files(name: str) -> Files:
    """Return the files of an export of tests/exports."""
    path = EXPORTS / name
    if path.is_file():
        return {path.name: path.read_bytes()}
    files = (each for each in sorted(path.rglob("*")) if each.is_file())
    return {each.relative_to(path).as_posix(): each.read_bytes() for each in files}


def _recoded(data: bytes, encoding: str) -> bytes:
    try:
        return data.decode().encode(encoding, "replace")
    except UnicodeDecodeError:
        return data  # a database, or an encoding of its own


def _zip(files: Files) -> bytes:
    written = BytesIO()
    with ZipFile(written, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return written.getvalue()


def _fault_of_sentence(refusal: str, path: Path) -> str:
    if str(path) not in refusal:
        return f"a refusal that does not name the path: {refusal}"
    return "" if refusal.endswith(".") and "\n" not in refusal else f"no sentence: {refusal}"


def _rows(titles: list[str], options: argparse.Namespace) -> Iterator[tuple[str, str, Outcome]]:
    for title in titles:
        for damage, outcome in outcomes_of_format(title, options.messages):
            yield title, damage, outcome
        for name in FIXTURES.get(title, ()) if options.fixtures else ():
            for damage, outcome in outcomes(fixture_files(name)):
                yield name, damage, outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", default="", help="a part of a format's name")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--fixtures", action="store_true")
    options = parser.parse_args()
    titles = [title for title in WRITERS if options.format.casefold() in title.casefold()]
    done = faults = 0
    for label, damage, outcome in _rows(titles, options):
        fault = "FAULT " if outcome.fault else ""
        sys.stdout.write(f"{label:<32} {damage:<24} {fault}{outcome.summary}\n")
        sys.stdout.flush()
        done, faults = done + 1, faults + bool(outcome.fault)
    sys.stdout.write(f"{done:,} imports, {faults:,} faults\n")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
