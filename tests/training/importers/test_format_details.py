"""The details of formats that are easily read wrong, each in the message that would show it."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.paths import EXPORTS
from tests.training.importers.fixtures import fixture_texts, read_fixture
from training.importers import registry

# the file, the id of the message, the field, its value
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
    "x: a reply of names alone has no words": ("x/mentions", "1800000000000000001", "text", ""),
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
    "telegram: a rich message has the words of its blocks": (
        "telegram/rich.json",
        "2",
        "text",
        "the fence and the gutter",
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


@pytest.mark.parametrize(("name", "message_id", "field", "value"), CLAIMS.values(), ids=CLAIMS)
def test_a_field_that_is_easily_read_wrong_is_right(
    name: str, message_id: str, field: str, value: object
) -> None:
    (message,) = {each.id: each for each in read_fixture(name) if each.id == message_id}.values()
    assert getattr(message, field) == value


def test_a_long_post_stands_in_the_place_of_its_beginning() -> None:
    (long,) = [message for message in read_fixture("x/manifest") if message.id == "1700000000000000009"]
    assert (len(long.text), long.text[-23:]) == (378, "By noon they were gone.")


def test_a_short_post_of_the_same_second_stays_itself(tmp_path: Path) -> None:
    shutil.copytree(EXPORTS / "x/manifest", tmp_path / "x")
    tweets = tmp_path / "x/data/tweets.js"
    written = tweets.read_text(encoding="utf-8")
    tweets.write_text(written.replace("Wed Oct 11 20:19:24", "Thu Oct 12 08:00:00"), encoding="utf-8")
    assert (
        sum(message.text.startswith("Seven kettles") for message in registry.read_exports(tmp_path / "x"))
        == 1
    )


def test_a_deleted_tweet_is_not_imported() -> None:
    assert not any("never said this" in text for text in fixture_texts("x/manifest"))


def test_the_blocks_of_a_conversation_have_one_chat_id() -> None:
    direct = {message.id: message.text for message in read_fixture("x/manifest") if message.chat == "900-901"}
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
    shown = [
        f"{datetime.fromtimestamp(message.time, UTC):%H:%M:%S}"
        for message in read_fixture(f"whatsapp/{name}")
    ]
    assert shown == times


def test_a_message_with_words_of_notices_is_kept() -> None:
    assert "I added sugar and left" in fixture_texts("whatsapp/WhatsApp Chat with Bo.txt")
    assert "Ana added nothing, I left it" in fixture_texts("whatsapp/ios")


def test_joined_emoji_stay_whole() -> None:
    assert fixture_texts("whatsapp/WhatsApp Chat with Bo.txt")[-1].endswith("👨\u200d👩\u200d👧 ❤\ufe0f")


def test_two_equal_messages_of_one_minute_are_two() -> None:
    messages = read_fixture("whatsapp/WhatsApp Chat with Bo.txt")
    assert len({message.id for message in messages if message.text == "ok"}) == 2


def test_texts_written_as_latin_1_are_repaired_and_right_ones_kept() -> None:
    assert {"café 你好 🙂", "already right: 你好 é"} <= set(fixture_texts("meta/instagram"))


def test_files_that_begin_with_the_newest_are_reversed() -> None:
    times = [message.time for message in read_fixture("meta/instagram") if message.text != "the oldest file"]
    assert times == sorted(times)


def test_a_text_in_gb_18030_is_read() -> None:
    assert fixture_texts("qq/gb18030.txt") == ["很久以前"]
