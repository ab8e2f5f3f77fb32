"""Files of `--prompts` are private, and `data forget` deletes them."""

import os
import subprocess
from pathlib import Path

import pytest

from bot.app.prompt_files import append_prompt, erase_prompts
from bot.errors import UserError
from tests.faults.command import COMMAND, environment, house


def test_a_file_that_others_could_read_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "prompts").touch(mode=0o644)
    append_prompt(tmp_path, tmp_path / "prompts", b"words\n")
    assert (tmp_path / "prompts").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can plant another user's file")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prompts").touch(mode=0o666)
    os.chown(tmp_path / "prompts", 12345, 12345)
    with pytest.raises(UserError, match="belongs to another user"):
        append_prompt(tmp_path, tmp_path / "prompts", b"words\n")
    assert (tmp_path / "prompts").read_bytes() == b""


def test_a_pipe_is_written_to_and_not_noted(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    append_prompt(tmp_path, tmp_path / "pipe", b"words\n")
    assert os.read(reader, 100) == b"words\n"
    os.close(reader)
    assert not (tmp_path / "prompt_files.json").exists()


def test_every_file_that_prompts_went_to_is_erased(tmp_path: Path) -> None:
    for name in ("one", "two", "one"):
        append_prompt(tmp_path, tmp_path / name, b"words\n")
    assert (erase_prompts(tmp_path), erase_prompts(tmp_path)) == (2, 0)
    append_prompt(tmp_path, tmp_path / "one", b"words\n")
    assert erase_prompts(tmp_path) == 1


def test_no_word_of_an_erased_person_stays_in_prompts(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=house(),
            env=environment(tmp_path / "data", SCRIPT="Aye."),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    prompts = tmp_path / "prompts"
    run("chat", "--persona", "mara", "--say", "my canary word", "--prompts", str(prompts))
    assert "canary" in prompts.read_text()
    assert run("data", "forget", "--author", "local").endswith(
        "Deleted 1 files that --prompts had written.\n"
    )
    assert not prompts.exists()
