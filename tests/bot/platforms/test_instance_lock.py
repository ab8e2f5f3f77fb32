"""One process of a user holds a token, wherever its files for temporary use are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.platforms.instance_lock import hold_token

HOLD = """
import sys
from bot.platforms.instance_lock import hold_token
with hold_token("Discord", "abc"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state/alterego"


def test_another_folder_for_temporary_files_excludes_too(tmp_path: Path) -> None:
    command, environment = [sys.executable, "-c", HOLD], os.environ | {"TMPDIR": str(tmp_path)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="Another alterego"), hold_token("Discord", "abc"):
            pass
        with hold_token("Discord", "another"):
            pass
        other.kill()
    with hold_token("Discord", "abc"):
        pass


def test_a_lock_whose_file_is_removed_while_it_is_taken_is_taken_anew(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    taken: list[str] = []
    real = FileLock.acquire

    def acquire(lock: FileLock, *given: object, **named: object) -> object:
        proxy = real(lock, *given, **named)  # type: ignore[arg-type]
        if not taken:
            Path(lock.lock_file).unlink()
        taken.append(lock.lock_file)
        return proxy

    monkeypatch.setattr(FileLock, "acquire", acquire)
    with hold_token("Discord", "abc"):
        assert len(taken) == 2
        assert Path(taken[0]).exists()


def test_the_file_tells_nothing_of_the_token_and_its_folder_is_closed(state: Path) -> None:
    with hold_token("Discord", "abc"):
        (lock,) = state.iterdir()
        assert "abc" not in lock.name
        assert not lock.read_bytes()
        if sys.platform != "win32":
            assert state.stat().st_mode & 0o777 == 0o700
            assert lock.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="there it is LOCALAPPDATA")
@pytest.mark.parametrize("relative", ["state", "../state", ""])
def test_a_relative_folder_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", relative)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with hold_token("Discord", "abc"):
        assert [*(tmp_path / "home/.local/state/alterego").glob("*.lock")]
        assert not (tmp_path / "state").exists()
