"""Every system says how much memory is free, and how much this process has used."""

import subprocess
from pathlib import Path

import pytest

from bot.system import memory
from tests.fakes.windows.kernel32 import AVAILABLE, PEAK
from tests.fixtures.pretended_windows import real_model_environment, run_on_windows


def test_windows_says_both(tmp_path: Path) -> None:
    code = "from bot.system.memory import *; print(available_memory(), peak_memory()); reset_peak_memory()"
    done = run_on_windows("-c", code, environment=real_model_environment(tmp_path))
    assert done.stdout.split() == [str(AVAILABLE).encode(), str(PEAK).encode()], done.stderr


def test_macos_says_a_share_of_all_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "check_output", lambda command, **_: "17179869184\n50\n")
    assert (memory.available_memory(), memory.total_memory()) == (8 << 30, 16 << 30)


def test_macos_without_an_answer_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: object, **options: object) -> str:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "check_output", refuse)
    assert (memory.available_memory(), memory.total_memory()) == (None, None)


def test_a_container_leaves_what_its_limit_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.current").write_text("1000\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert (memory.available_memory(), memory.total_memory()) == (2000, 3000)
    (tmp_path / "memory.max").write_text("max\n")
    assert (memory.available_memory() or 0) > 2000


def test_files_that_a_container_holds_are_no_memory_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.current").write_text("2900\n")
    (tmp_path / "memory.stat").write_text("anon 900\ninactive_file 1500\nactive_file 500\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert memory.available_memory() == 2100


def test_the_peak_grows_with_what_is_held() -> None:
    before = memory.peak_memory()
    held = bytearray(b"x" * (before + (64 << 20)))
    assert memory.peak_memory() > before
    assert len(held) > before
