"""Paths as people write them become paths of this machine."""

from pathlib import Path

import pytest

from bot.system.user_path import user_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("~", "/home/ana"),
        ("~/a b/c", "/home/ana/a b/c"),
        ("a/~/b", "a/~/b"),
        ("/a/b/", "/a/b"),
        ("./a", "a"),
        ("~nobody-of-this-name/a", "~nobody-of-this-name/a"),
        ("文件 夹", "文件 夹"),
    ],
)
def test_a_text_is_a_path(text: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setenv("USERPROFILE", "/home/ana")
    assert user_path(text) == Path(path)
