"""The terminal on a pretended Windows: talk, consoles of few characters, recovery, and erasure."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.windows.kernel32 import DESCRIPTOR, LONG_PATHS, PRIVATE
from tests.faults.command import house
from tests.fixtures.pretended_windows import run_on_windows, windows_environment

NARROW = {"PYTHONIOENCODING": "cp1252"}  # the code page of Windows in the west of Europe
SMALL_TALK = ("chat", "--persona", "mara")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def run(data: Path, *arguments: str, said: bytes = b"", **told: str) -> tuple[int, str, str]:
    """Run a command of the bot; return its exit code, standard output and standard error."""
    environment = windows_environment(data, **{"ECHO": "1", **told})
    done = run_on_windows("-m", "bot", *arguments, environment=environment, said=said)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_message_is_answered_and_backed_up(data: Path) -> None:
    code, out, error = run(data, *SMALL_TALK, "--say", "#7")
    assert (code, out.strip().splitlines()[-1]) == (0, "I have heard #7 over"), error
    assert len(list((data / "backups").glob("*.db"))) == 1


def test_a_byte_order_mark_of_powershell_is_no_text(data: Path) -> None:
    run(data, *SMALL_TALK, said=b"\xef\xbb\xbf#7 caf\xc3\xa9\r\n")
    with closing(sqlite3.connect(data / "memory.db")) as memory:
        assert ("#7 café",) in memory.execute("SELECT text FROM messages").fetchall()


def test_standard_input_in_a_code_page_is_refused_with_the_remedy(data: Path) -> None:
    code, _, error = run(data, *SMALL_TALK, said="#7 café".encode("cp1252"))
    assert code == 2
    assert "run `$OutputEncoding = [Text.UTF8Encoding]::new()` in PowerShell" in error


def test_a_character_that_the_console_lacks_is_an_escape(data: Path) -> None:
    code, out, error = run(data, "persona", "list", **NARROW)
    assert (code, error) == (0, "")
    assert r"\u5c0f\u6ee1" in out


def test_a_pipe_gets_utf_8_whatever_the_code_page(data: Path) -> None:
    told = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    code, out, error = run(data, "persona", "list", **told)
    assert (code, "小满" in out) == (0, True), error


def test_a_damaged_database_is_set_aside_and_the_backup_restored(data: Path) -> None:
    run(data, *SMALL_TALK, "--say", "#7")
    (data / "memory.db").write_bytes(b"no database " * 1000)
    code, _, error = run(data, *SMALL_TALK, "--say", "#8")
    assert (code, "has been set aside as memory.db.corrupt-" in error) == (0, True), error
    assert len(list(data.glob("memory.db.corrupt-*"))) == 1
    with closing(sqlite3.connect(data / "memory.db")) as memory:
        texts = {text for (text,) in memory.execute("SELECT text FROM messages")}
    assert {"#7", "#8"} <= texts


def test_what_a_person_said_is_erased_from_every_file(data: Path) -> None:
    run(data, *SMALL_TALK, "--say", "#7 and heliotrope")
    code, out, error = run(data, "data", "forget", "--author", "local")
    assert (code, out.startswith("Erased ")) == (0, True), error
    assert not any(b"heliotrope" in path.read_bytes() for path in data.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("descriptor", "code", "finding"),
    [
        (PRIVATE, 0, "ok    rights     only its owner and administrators read"),
        (f"{PRIVATE}(A;;0x1200a9;;;BU)", 1, "WRONG rights     other users of this machine can read"),
    ],
)
def test_doctor_says_who_may_read_the_data(data: Path, descriptor: str, code: int, finding: str) -> None:
    data.mkdir()
    found, out, error = run(data, "doctor", **{DESCRIPTOR: descriptor})
    assert (found, finding in out) == (code, True), out + error
    assert (f'run `icacls "{data}" /inheritance:r /grant:r "ana:(OI)(CI)F"`' in out) == bool(code)


@pytest.mark.parametrize(("descriptor", "code"), [(PRIVATE, 0), ("D:(A;;FA;;;WD)", 2)])
def test_the_rights_of_secrets_are_those_of_their_access_list(
    tmp_path: Path, data: Path, descriptor: str, code: int
) -> None:
    (tmp_path / "config.toml").write_text(f"[paths]\npersonas = '{house() / 'personas'}'\n")
    secrets = tmp_path / "secrets.toml"
    secrets.write_text("")
    os.chmod(secrets, 0o666)  # the mode that Python makes up on Windows
    found, _, error = run(
        data, "--config", str(tmp_path / "config.toml"), "persona", "list", **{DESCRIPTOR: descriptor}
    )
    assert found == code, error
    assert (f'run `icacls "{secrets}" /inheritance:r /grant:r "ana:F"`' in error) == bool(code)


@pytest.mark.parametrize(("told", "code"), [({}, 2), ({LONG_PATHS: "1"}, 0)])
def test_a_folder_with_a_long_path_is_refused_unless_windows_takes_it(
    data: Path, told: dict[str, str], code: int
) -> None:
    found, _, error = run(data / ("x" * 140), "persona", "list", **told)
    assert found == code, error
    assert ("is too long for Windows" in error) == bool(code)
