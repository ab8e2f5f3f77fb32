"""Damaged exports of every format are imported or refused with a reason: sixty each, with `--slow` 200.

The damage is drawn from a seed, so that a failure comes back under its number.
"""

import re
import resource
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from random import Random

import pytest

from bot.errors import UserError
from tests.paths import EXPORTS
from tests.training.importers.fixtures import FIXTURES
from training.__main__ import main
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.store.messages import from_line, to_lines

MUTATIONS = [60, pytest.param(200, marks=pytest.mark.slow)]
BY_COMMAND = 20  # every 20th goes through the whole command
MEGABYTES = 200

_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null')
_STRANGE = [
    b"null",
    b"true",
    b"-1",
    b"7.5",
    b'""',
    b'"text"',
    b"[]",
    b"{}",
    b"[[]]",
    b'{"a": [1]}',
    b"1e400",
    b"NaN",
    b"9" * 5000,
    b"9" * 25,
    b"-99999999999",
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\\u0000"',
    b'"\\x1F"',
    b'"' + b"A" * 70_000 + b'"',
    b"[" * 3000,
    b"[" * 200 + b"]" * 200,
    b'{"a":' * 3000,
]
_BYTES = [
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b'"',
    b"\\",
    b"{",
    b"]",
    b",",
    b"\n",
    b"\r",
    b"\t",
    b"\xed\xa0\x80",
    b":",
    b"9" * 99,
]


def cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def flip(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        if changed:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def remove(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    return data[:start] + data[start + random.randint(1, 60) :]


def repeat(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    piece = data[start : start + random.randint(1, 200)]
    return data[:start] + piece * random.randint(2, 5) + data[start + len(piece) :]


def insert(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    return data[:start] + random.choice(_BYTES) + data[start:]


def swap(data: bytes, random: Random) -> bytes:
    """Replace one to three values or keys by strange values."""
    for _ in range(random.randint(1, 3)):
        if found := list(_VALUE.finditer(data)):
            one = random.choice(found)
            data = data[: one.start()] + random.choice(_STRANGE) + data[one.end() :]
    return data


def recode(data: bytes, random: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(
        random.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "gb18030", "utf-7"]), "replace"
    )


DAMAGES: list[Callable[[bytes, Random], bytes]] = [
    cut,
    flip,
    flip,
    remove,
    repeat,
    insert,
    swap,
    swap,
    swap,
    recode,
]


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """A copy of all exports, to be damaged."""
    shutil.copytree(EXPORTS, tmp_path / "exports")
    return tmp_path / "exports"


def refusal(path: Path) -> str:
    """Import a damaged export; return the reason if it is refused, else ""."""
    try:
        for export in registry.find_exports(path):
            for message in export.read(ImportLog(dates="day")):
                assert from_line(to_lines([message])) == message
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("title", FIXTURES)
@pytest.mark.parametrize("mutations", MUTATIONS)
def test_a_broken_export_is_imported_or_refused_with_file_and_reason(
    mutations: int, title: str, exports: Path
) -> None:
    names = FIXTURES[title]
    (exports.parent / "config.toml").write_text("", encoding="utf-8")
    work = exports.parent / "personas/mara/work"
    work.parent.mkdir(parents=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(mutations):
        random = Random(f"{title} {number}")
        path = exports / random.choice(names)
        file = (
            random.choice(sorted(each for each in path.rglob("*") if each.is_file()))
            if path.is_dir()
            else path
        )
        whole = file.read_bytes()
        file.write_bytes(random.choice(DAMAGES)(whole, random))
        reason = refusal(path)
        assert not reason or str(path) in reason, (number, reason)
        if number % BY_COMMAND == 0:
            refused = is_refused_by_command(path, exports.parent / "config.toml")
            assert sorted(each.name for each in work.glob("*[!k]")) == (
                [] if refused else ["messages.jsonl", "selves.json"]
            )
            shutil.rmtree(work, ignore_errors=True)
        file.write_bytes(whole)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MEGABYTES << 10


def is_refused_by_command(path: Path, config: Path) -> bool:
    """Run the command; return True if it refuses the export, with exit code 2 and one line."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["--config", str(config), "import", str(path), "--persona", "mara", "--dates", "day"])
    assert (code, out.getvalue() == "", err.getvalue().count("\n")) in ((0, False, 0), (2, True, 1)), (
        err.getvalue()
    )
    return code == 2
