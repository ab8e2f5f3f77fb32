"""Empty lines above an export, as an editor or a mail may add them, do not hide its format."""

from pathlib import Path

import pytest

from tests.paths import EXPORTS
from training.importers import registry

FILES = [
    "imessage_exporter/Ann Reed.txt",
    "kakaotalk/KakaoTalk_Chat_quay_2026-01-03-10-20-30.csv",
    "linkedin/old/messages.csv",
    "weibo/7001.csv",
    "wechat/memotrace.csv",
    *(f"sigtop/{path.name}" for path in sorted((EXPORTS / "sigtop").iterdir())),
]


@pytest.mark.parametrize("name", FILES)
def test_empty_lines_above_an_export_change_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / Path(name).name
    data = (EXPORTS / name).read_bytes()
    path.write_bytes(data)
    messages = list(registry.read_exports(path))
    path.write_bytes(b"\n\r\n" + data.removeprefix(b"\xef\xbb\xbf"))
    assert messages
    assert list(registry.read_exports(path)) == messages
