"""A message of any number of lines takes little memory, and is left out as too long."""

import tracemalloc
from pathlib import Path

import pytest

from training.importers import registry
from training.importers.reading.bounded_lines import BoundedLines
from training.importers.reading.import_log import ImportLog
from training.importers.reading.normalise import LONGEST_TEXT

LINES = 250_000
MOST = 12 << 20  # bytes; the lines of the whole file take at least 14 MB
QQ = "消息记录（此消息记录为文本格式，不支持重新导入）\n\n消息分组:我的好友\n消息对象:Bo\n\n"
KAKAO = "Bo 님과 카카오톡 대화\n저장한 날짜 : 2024-01-15 10:00:00\n\n"
BLOCK = "From: Bo (+15550100001)\nType: incoming\nSent: Mon, 15 Jan 2024 10:00:00 +0000\n\n"
HEADS = {
    "WhatsApp": "1/15/24, 10:00 - Bo: tea\n",
    "LINE": "[LINE] Chat history in Bo\nSaved on: 1/15/2024, 10:00\n\n2024/01/15(Mon)\n10:00\tBo\ttea\n",
    "KakaoTalk": f"{KAKAO}--------------- 2024년 1월 15일 월요일 ---------------\n[Bo] [오전 10:00] tea\n",
    "QQ": f"{QQ}2024-01-15 10:00:00 Bo(10000001)\n",
    "QQ NT": "[QQChatExporter V5 / x]\n\n聊天名称: Bo\n\n\nBo:\n时间: 2024-01-15 10:00:00\n内容: tea\n",
    "Viber": '="15/01/2024"\t10:00:00\t="Bo"\t="+1"\t"tea\n',
    "Signal (signal-export)": "[2024-01-15 10:00:00] Bo: tea  \n",
    "Signal (sigtop)": f"Conversation: Bo (+15550100001)\n\n{BLOCK}",
    "Signal (sigtop), lines": "2024-01-15 10:00 You: so\n2024-01-15 10:00 Bo (+15550100001): tea\n",
    "iMessage (imessage-exporter)": "Jan 15, 2024 10:00:00 AM\nBo\ntea\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_message_of_many_lines_is_left_out_in_little_memory(name: str, tmp_path: Path) -> None:
    path, log = tmp_path / "a.txt", ImportLog()
    path.write_text(HEADS[name] + "ab\n" * LINES, encoding="utf-8")
    (export,) = registry.find_exports(path)
    assert name.partition(", ")[0] == export.importer.TITLE
    tracemalloc.start()
    try:
        kept = [message.text for message in export.read(log)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kept == (["so"] if "lines" in name else [])
    assert log.skipped == {f"longer than {LONGEST_TEXT:,} characters": 1}
    assert peak < MOST


@pytest.mark.parametrize(
    ("lines", "is_whole"),
    [
        (["tea", *[""] * 5, "oil"], True),
        (["x" * LONGEST_TEXT], True),
        (["tea", *[""] * 3 * LONGEST_TEXT], False),
        (["tea", *[""] * 3 * LONGEST_TEXT, "oil", "ink"], False),
    ],
)
def test_a_text_beyond_the_bound_stays_too_long_where_it_was(lines: list[str], is_whole: bool) -> None:
    kept = BoundedLines()
    for line in lines:
        kept.add(line)
    text, whole = "\n".join(kept).strip(), "\n".join(lines).strip()
    assert (text == whole) if is_whole else len(kept) < len(lines)
    assert (len(text) > LONGEST_TEXT) == (len(whole) > LONGEST_TEXT)
