"""Every format with its variants: what its files in tests/exports give, message by message.

The files are invented. `expected` holds the whole record of each; a claim in the table below names what is
easy to get wrong, and where it would show.
"""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.paths import EXPORTS
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.store.messages import ExportedMessage, to_lines

EXPECTED = EXPORTS / "expected"

FIXTURES = {
    "X (Twitter) archive": ["x/manifest", "x/gdpr", "x/classic", "x/table"],
    "DiscordChatExporter": [
        "discord_exporter/guild.json",
        "discord_exporter/guild [part 2].json",
        "discord_exporter/thread.json",
        "discord_exporter/direct.json",
        "discord_exporter/reversed.json",
        "discord_exporter/cut.json",
        "discord_exporter/raw.json",
        "discord_exporter/old.json",
        "discord_exporter/Quay - Text - table [70].csv",
    ],
    "Discord data package": ["discord_package/old", "discord_package/localised", "discord_package/json"],
    "Telegram": [
        "telegram/single.json",
        "telegram/personal.json",
        "telegram/full.json",
        "telegram/escapes.json",
        "telegram/old.json",
        "telegram/forum.json",
        "telegram/minified.json",
    ],
    "WhatsApp": [
        "whatsapp/WhatsApp Chat with Bo.txt",
        "whatsapp/ios",
        "whatsapp/iso.txt",
        "whatsapp/dotted.txt",
        "whatsapp/finnish.txt",
        "whatsapp/narrow.txt",
        "whatsapp/chinese before.txt",
        "whatsapp/chinese after.txt",
        "whatsapp/japanese.txt",
        "whatsapp/korean.txt",
        "whatsapp/spanish.txt",
        "whatsapp/decreasing.txt",
    ],
    "Reddit": ["reddit"],
    "Slack": ["slack"],
    "Instagram and Messenger": ["meta/instagram", "meta/messenger"],
    "LINE": ["line/english.txt", "line/japanese.txt", "line/chinese.txt", "line/group.txt"],
    "WeChat": [
        "wechat/weclone",
        "wechat/memotrace.csv",
        "wechat/memotrace older.csv",
        "wechat/one chat.csv",
        "wechat/chatlog.csv",
        "wechat/chatlog.json",
        "wechat/weflow.json",
    ],
    "QQ": ["qq/records.txt", "qq/gb18030.txt"],
    "Weibo": ["weibo/7001.csv", "weibo/older.csv"],
    "ChatLab": ["chatlab/chat.json", "chatlab/chat.jsonl"],
    "Alpaca": ["alpaca/set.json", "alpaca/set.jsonl"],
    "ShareGPT": ["sharegpt/set.json", "sharegpt/set.jsonl"],
    "ChatML messages": [
        "chatml/set.jsonl",
        "chatml/array.json",
        "chatml/completion.jsonl",
        "chatml/preference.jsonl",
        "chatml/kto.jsonl",
    ],
    "xtuner": ["xtuner/set.json"],
    "OASST1": ["oasst/set.messages.jsonl", "oasst/set.trees.jsonl"],
    "CuteGPT": ["cutegpt/set.json"],
}
ALL = [(title, name) for title, names in FIXTURES.items() for name in names]


def read(name: str, log: ImportLog | None = None) -> list[ExportedMessage]:
    return list(registry.read_exports(EXPORTS / name, log))


def lines(name: str) -> Iterator[dict[str, Any]]:
    """All that an export gives, and at its end what was left out."""
    log = ImportLog()
    for said in read(name, log):
        yield json.loads(to_lines([said]))
    yield {"skipped": dict(log.skipped), "notes": [note.replace(str(EXPORTS), "") for note in log.notes]}


@pytest.mark.parametrize(("title", "name"), ALL, ids=[name for _, name in ALL])
def test_an_export_gives_exactly_these_messages(title: str, name: str) -> None:
    assert [export.importer.TITLE for export in registry.find_exports(EXPORTS / name)] == [title]
    expected = (EXPECTED / f"{name.replace('/', '.')}.jsonl").read_text(encoding="utf-8")
    assert list(lines(name)) == [json.loads(line) for line in expected.splitlines()]


def test_no_file_of_the_exports_is_left_untested() -> None:
    covered = [EXPORTS / name for _, name in ALL]
    unread = {"reddit", "expected", "scrub"}
    for path in EXPORTS.rglob("*.*"):
        if path.is_file() and path.relative_to(EXPORTS).parts[0] not in unread:
            assert any(path == each or path.is_relative_to(each) for each in covered), path


# the file, which message, the field, what it must be
CLAIMS: dict[str, tuple[str, str, str, object]] = {
    "x: entities of HTML are characters": (
        "x/manifest",
        "1700000000000000001",
        "text",
        "Tea & toast <3 https://example.org/kettle",
    ),
    "x: a reply loses the names before it": (
        "x/manifest",
        "1700000000000000002",
        "text",
        "no, the second kettle",
    ),
    "x: a parent comes from what was liked": (
        "x/manifest",
        "1699999999999999999",
        "text",
        "Is it the first kettle?",
    ),
    "x: its author is who was answered": ("x/manifest", "1699999999999999999", "author", "901"),
    "x: a thread hangs together": ("x/manifest", "1700000000000000003", "reply_to", "1700000000000000001"),
    "x: a quote is known by a link to x.com": ("x/manifest", "1700000000000000005", "quote", "7001"),
    "x: and to mobile.twitter.com": ("x/manifest", "1700000000000000006", "quote", "7002"),
    "x: a quote loses its link": ("x/manifest", "1700000000000000005", "text", "this, exactly"),
    "x: -1 is no parent": ("x/manifest", "1700000000000000006", "reply_to", None),
    "x: the address of a picture goes": ("x/manifest", "1700000000000000007", "text", "look"),
    "x: the last version of an edited tweet stays": (
        "x/manifest",
        "1700000000000000011",
        "text",
        "first version",
    ),
    "x: a file of one line is read": ("x/gdpr", "300", "text", "one line is enough"),
    "x: bare and wrapped items are read alike": ("x/gdpr", "301", "text", "yes"),
    "x: messages without urls are read": ("x/gdpr", "21", "text", "old words"),
    "x: numbers of the classic archive are ids": ("x/classic", "257001", "reply_to", "256000"),
    "x: the table of the classic archive is enough": ("x/table", "257003", "text", 'two\nlines, "quoted"'),
    "dce: the offset of a time counts": ("discord_exporter/guild.json", "1", "time", 1680343200.123),
    "dce: an English notice is no text": ("discord_exporter/guild.json", "4", "text", ""),
    "dce: a kind that is a number is no text": ("discord_exporter/guild.json", "12", "text", ""),
    "dce: the shown name is the name": ("discord_exporter/guild.json", "1", "author_name", "Ana Reed"),
    "dce: a reply elsewhere says where": ("discord_exporter/guild.json", "9", "reply_chat", "78"),
    "dce: a forward is no reply": ("discord_exporter/guild.json", "10", "reply_to", None),
    "dce: a forward has the words of others": ("discord_exporter/guild.json", "10", "forwarded", True),
    "dce: a cut file is read as far as it is whole": (
        "discord_exporter/cut.json",
        "52",
        "text",
        "also whole",
    ),
    "dce: raw mentions and emoji get names": (
        "discord_exporter/raw.json",
        "61",
        "text",
        "@Bo and @100 :boat: :wave: 1 < 2",
    ),
    "dce: what came later may be missing": ("discord_exporter/old.json", "71", "author_name", "ana"),
    "package: a time without zone is UTC": ("discord_package/old", "903", "time", 1532041744.0),
    "package: quoted line ends stay": ("discord_package/old", "902", "text", 'two\nlines "here"'),
    "package: localised folders are found": ("discord_package/localised", "911", "author_name", "Ana Reed"),
    "package: ids of JSON are numbers": (
        "discord_package/json",
        "1212121212121212121",
        "text",
        "numbers now",
    ),
    "telegram: control characters of two digits": (
        "telegram/escapes.json",
        "1",
        "text",
        "bell\x07 and C:\\x41 and \\\x1f.",
    ),
    "telegram: half a character is replaced": (
        "telegram/escapes.json",
        "2",
        "text",
        "half \ufffd of a face, whole 🙂, NUL .",
    ),
    "telegram: a number was a user's id": ("telegram/old.json", "1", "author", "user1"),
    "telegram: a large number was a channel's": ("telegram/old.json", "2", "author", "channel10"),
    "telegram: before 2022 the clock is local": ("telegram/old.json", "1", "local", True),
    "telegram: the whole export knows me": ("telegram/full.json", "9", "is_self", True),
    "telegram: a chat of two knows me": ("telegram/personal.json", "1", "is_self", True),
    "telegram: a reply into another chat": ("telegram/single.json", "16", "reply_chat", "channel55"),
    "telegram: a topic is a thread": ("telegram/forum.json", "2", "thread", "1"),
    "telegram: and no parent": ("telegram/forum.json", "2", "reply_to", None),
    "telegram: a round video is a video": ("telegram/single.json", "7", "kind", "video"),
    "telegram: a sentence is no path": ("telegram/single.json", "5", "media", ()),
    "telegram: a forward without a name is one": ("telegram/single.json", "13", "forwarded", True),
    "telegram: labels are spans of the text": (
        "telegram/single.json",
        "3",
        "labels",
        (
            (5, 16, "phone"),
            (20, 34, "email"),
            (41, 60, "bank_card"),
            (61, 65, "mention"),
            (66, 68, "mention"),
        ),
    ),
    "reddit: a bare parent may be a post": ("reddit", "t1_abc3", "reply_to", "t3_xyz9"),
    "reddit: or a comment": ("reddit", "t1_abc2", "reply_to", "t1_abc1"),
    "slack: marks are read": (
        "slack",
        "1704189600.000100",
        "text",
        "Morning @Bo & @here, see the tide and #general https://example.org/x",
    ),
    "slack: a thread has a parent": ("slack", "1704189660.000200", "reply_to", "1704189600.000100"),
    "wechat: a column too many harms nothing": ("wechat/memotrace older.csv", "7", "text", "旧"),
    "wechat: slashes and no seconds": ("wechat/weclone", "9002", "time", 1625653680.0),
    "wechat: a type in English is known": ("wechat/weclone", "9004", "text", "english type"),
    "weibo: own words stand before those of others": ("weibo/7001.csv", "2", "text", "同意"),
    "weibo: what was commented on comes too": ("weibo/7001.csv", "77", "text", "原来的微博"),
    "oasst: the better answer is taken": ("oasst/set.messages.jsonl", "a", "text", "Boats."),
    "chatlab: replies of newer files": ("chatlab/chat.jsonl", "m2", "reply_to", "m1"),
}


@pytest.mark.parametrize(("name", "number", "field", "value"), CLAIMS.values(), ids=CLAIMS)
def test_what_is_easily_read_wrong_is_right(name: str, number: str, field: str, value: object) -> None:
    (said,) = {message.id: message for message in read(name) if message.id == number}.values()
    assert getattr(said, field) == value


def texts(name: str) -> list[str]:
    return [said.text for said in read(name)]


def test_a_long_post_stands_in_the_place_of_its_beginning() -> None:
    (long,) = [said for said in read("x/manifest") if said.id == "1700000000000000009"]
    assert (len(long.text), long.text[-23:]) == (378, "By noon they were gone.")


def test_a_short_post_of_the_same_second_stays_itself(tmp_path: Path) -> None:
    shutil.copytree(EXPORTS / "x/manifest", tmp_path / "x")
    tweets = tmp_path / "x/data/tweets.js"
    written = tweets.read_text(encoding="utf-8")
    tweets.write_text(written.replace("Wed Oct 11 20:19:24", "Thu Oct 12 08:00:00"), encoding="utf-8")
    assert sum(said.text.startswith("Seven kettles") for said in registry.read_exports(tmp_path / "x")) == 1


def test_what_was_deleted_is_not_imported() -> None:
    assert not any("never said this" in text for text in texts("x/manifest"))


def test_blocks_of_a_conversation_are_one_after_storing() -> None:
    direct = {said.id: said.text for said in read("x/manifest") if said.chat == "900-901"}
    assert direct == {"1": "look", "2": "tea & cake? https://example.org/cake", "3": "at seven then"}


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("narrow.txt", ["17:03:21", "00:00:00"]),
        ("chinese before.txt", ["17:03:00", "00:03:00"]),
        ("chinese after.txt", ["17:03:21", "09:03:21"]),
        ("japanese.txt", ["17:03:00", "05:03:00"]),
        ("korean.txt", ["17:03:00", "05:03:00"]),
        ("spanish.txt", ["17:03:00", "05:03:00"]),
        ("finnish.txt", ["17:03:00", "00:01:00"]),
    ],
)
def test_halves_of_the_day_are_told_apart(name: str, times: list[str]) -> None:
    shown = [f"{datetime.fromtimestamp(said.time, UTC):%H:%M:%S}" for said in read(f"whatsapp/{name}")]
    assert shown == times


def test_words_that_whatsapp_also_uses_are_kept() -> None:
    assert "I added sugar and left" in texts("whatsapp/WhatsApp Chat with Bo.txt")
    assert "Ana added nothing, I left it" in texts("whatsapp/ios")


def test_joined_emoji_stay_whole() -> None:
    assert texts("whatsapp/WhatsApp Chat with Bo.txt")[-1].endswith("👨\u200d👩\u200d👧 ❤\ufe0f")


def test_two_equal_messages_of_one_minute_are_two() -> None:
    said = [each for each in read("whatsapp/WhatsApp Chat with Bo.txt") if each.text == "ok"]
    assert len({each.id for each in said}) == 2


def test_messages_taken_for_latin_1_are_repaired_and_right_ones_left() -> None:
    assert {"café 你好 🙂", "already right: 你好 é"} <= set(texts("meta/instagram"))


def test_files_that_begin_with_the_newest_are_turned_round() -> None:
    times = [said.time for said in read("meta/instagram") if said.text != "the oldest file"]
    assert times == sorted(times)


def test_the_oldest_of_texts_in_chinese_encoding_is_read() -> None:
    assert texts("qq/gb18030.txt") == ["很久以前"]
