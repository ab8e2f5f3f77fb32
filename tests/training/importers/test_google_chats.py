"""Google's chats by Takeout: dates of Google Chat, pages of Google Voice, both shapes of Hangouts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.complexity.documents import server_formats
from tests.complexity.documents.hostile_chats import Chat, Said
from tests.paths import EXPORTS
from training.importers import registry
from training.importers.chats.google.dates import ChatTime, parse_chat_date
from training.importers.reading.import_log import ImportLog
from training.store.messages import ExportedMessage

TEN = 1705312800.0  # 2024-01-15, 10:00 UTC


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Monday, January 15, 2024 at 10:00:00\u202fAM UTC", ChatTime(TEN)),
        ("Monday, January 15, 2024 at 10:00:00 AM UTC", ChatTime(TEN)),
        ("January 15, 2024 at 10:00 AM UTC", ChatTime(TEN)),
        ("Monday, 15 January 2024 at 10:00:00 UTC", ChatTime(TEN)),
        ("Monday, January 15, 2024 at 12:00:00 AM UTC", ChatTime(TEN - 36_000)),
        ("Monday, January 15, 2024 at 12:00:00 PM UTC", ChatTime(TEN + 7200)),
        ("Monday, January 15, 2024 at 10:00:00 AM PST", ChatTime(TEN, local=True)),
        ("2024-01-15T10:00:00Z", ChatTime(TEN)),
    ],
)
def test_a_date_of_google_chat_is_read(text: str, time: ChatTime) -> None:
    assert parse_chat_date(text) == time


@pytest.mark.parametrize(
    "text",
    [
        *("", "at", "Montag, 15. Januar 2024 um 10:00:00 UTC", "January 32, 2024 at 10:00:00 AM UTC"),
        *("January 15, 2024 at", "January 15, 2024 at 10", "January 15, 2024 at 25:00:00 UTC"),
        *("January 15, 1024 at 10:00:00 UTC", "lundi 15 janvier 2024 à 10:00:00 UTC", "9" * 9999),
        "January 15, 2024 at 10:00:00:00:00 UTC",
    ],
)
def test_another_text_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_chat_date(text)


def count(folder: str, pattern: str) -> int:
    """How often a pattern stands in the files of an export."""
    paths = [each for each in (EXPORTS / folder).rglob("*") if each.is_file()]
    return sum(len(re.findall(pattern, path.read_text(encoding="utf-8"))) for path in paths)


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("google_chat/takeout", r'"topic_id"'),
        ("google_voice/takeout", r'<div class="(?:message|haudio)">'),
        ("google_hangouts", r'"timestamp"'),
    ],
)
def test_every_record_is_taken_or_counted(folder: str, pattern: str) -> None:
    log = ImportLog()
    taken = len(list(registry.read_exports(EXPORTS / folder, log)))
    assert taken + log.skipped.total() == count(folder, pattern)


def chat(folder: Path, *messages: dict[str, Any], group: str = "DM abAAAAE") -> list[ExportedMessage]:
    """Read messages of Google Chat, each with a date and an author where it has none of its own."""
    base = {
        "creator": {"name": "Bo", "email": "bo@quay.example", "user_type": "Human"},
        "created_date": "Monday, January 15, 2024 at 10:00:00 AM UTC",
        "topic_id": "t",
    }
    path = folder / group / "messages.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"messages": [{**base, **each} for each in messages]}), encoding="utf-8")
    return list(registry.read_exports(folder))


def test_a_chat_without_its_other_files_is_read_and_nobody_is_me(tmp_path: Path) -> None:
    (message,) = chat(tmp_path, {"text": "tea"})
    assert (message.chat, message.text, message.is_self) == ("abAAAAE", "tea", None)


def test_a_file_in_another_folder_is_of_the_chat_that_its_ids_name(tmp_path: Path) -> None:
    (message,) = chat(tmp_path, {"text": "tea", "message_id": "abAAAAE/t/t"}, group="Downloads")
    assert (message.chat, message.id) == ("abAAAAE", "abAAAAE/t/t")


def test_what_is_quoted_is_not_said_again(tmp_path: Path) -> None:
    quote = {"creator": {"name": "Ana"}, "text": "not said by Bo", "message_id": "abAAAAE/q/q"}
    (message,) = chat(tmp_path, {"text": "tea", "quoted_message_metadata": quote})
    assert (message.text, message.reply_to) == ("tea", "abAAAAE/q/q")


def test_equal_messages_without_ids_stay_two(tmp_path: Path) -> None:
    one, two = chat(tmp_path, {"text": "tea"}, {"text": "tea"})
    assert one.id != two.id


def voice(folder: Path, body: str, title: str = "Bo Quay") -> list[ExportedMessage]:
    page = f'<html><head><title>{title}</title></head><body><div class="hChatLog hfeed">{body}</div></body>'
    (folder / "a.html").write_text(page, encoding="utf-8")
    return list(registry.read_exports(folder))


def text(words: str, name: str = '<span class="fn">Bo Quay</span>') -> str:
    return (
        '<div class="message"><abbr class="dt" title="2024-01-15T02:00:00.000-08:00">10:00</abbr>:\n'
        f'<cite class="sender vcard"><a class="tel" href="tel:+2">{name}</a></cite>:\n<q>{words}</q>\n</div>'
    )


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("one<br>two<br>", "one\ntwo"),
        ("&lt;/q&gt; stays", "</q> stays"),
        ("MMS Sent", ""),
        ("", ""),
    ],
)
def test_a_text_of_google_voice_is_what_was_typed(html: str, words: str, tmp_path: Path) -> None:
    (message,) = voice(tmp_path, text(html))
    assert (message.text, message.time, message.author) == (words, TEN, "+2")


@pytest.mark.parametrize(
    ("name", "is_self"),
    [
        ('<abbr class="fn" title="">Me</abbr>', True),
        ('<abbr class="fn" title="">Ich</abbr>', True),
        ('<span class="fn">Me</span>', True),
        ('<span class="fn">Bo</span>', False),
    ],
)
def test_who_exported_is_me(name: str, is_self: bool, tmp_path: Path) -> None:
    (message,) = voice(tmp_path, text("tea", name))
    assert message.is_self == is_self


def test_a_chat_is_called_alike_whoever_wrote_first(tmp_path: Path) -> None:
    names = set()
    for title in ("Bo Quay", "Me to\nBo Quay"):
        names |= {message.chat for message in voice(tmp_path, text("tea"), title)}
    assert names == {"Bo Quay"}


def test_a_voicemail_has_no_words() -> None:
    texts = [message.text for message in registry.read_exports(EXPORTS / "google_voice/takeout")]
    assert not [each for each in texts if "Call me back" in each]


def hangouts(folder: Path, **event: Any) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """Read one event of Hangouts; return kinds and texts, and the counts."""
    files = server_formats.google_hangouts(Chat((Said(0, "hello"),)))
    document = json.loads(files["Hangouts.json"])
    document["conversations"][0]["events"][0].update(event)
    (folder / "Hangouts.json").write_text(json.dumps(document), encoding="utf-8")
    log = ImportLog()
    found = [(each.kind, each.text) for each in registry.read_exports(folder, log)]
    return found, dict(log.skipped) | dict(log.unknown)


@pytest.mark.parametrize(
    ("event", "found", "counted"),
    [
        ({}, [("text", "hello")], {}),
        ({"event_type": "SMS"}, [("text", "hello")], {}),
        ({"event_type": None}, [("text", "hello")], {}),
        ({"event_type": "PHONE_CALL"}, [("notice", "")], {}),
        ({"event_type": "HOLOGRAM"}, [("other", "")], {"HOLOGRAM": 1}),
        ({"chat_message": None}, [("text", "")], {}),
        ({"timestamp": "soon"}, [], {"without a date": 1}),
        ({"timestamp": 10**400}, [], {"without a date": 1}),
        ({"chat_message": 5}, [], {"unreadable": 1}),
    ],
)
def test_an_event_of_hangouts_is_of_its_kind(
    event: dict[str, Any], found: list[tuple[str, str]], counted: dict[str, int], tmp_path: Path
) -> None:
    assert hangouts(tmp_path, **event) == (found, counted)


def test_both_shapes_of_hangouts_hold_the_same_messages() -> None:
    older = list(registry.read_exports(EXPORTS / "google_hangouts/older.json"))
    newer = list(registry.read_exports(EXPORTS / "google_hangouts/Hangouts.json"))
    keys = [(each.chat, each.id, each.time, each.author, each.text, each.is_self) for each in newer]
    assert [(each.chat, each.id, each.time, each.author, each.text, each.is_self) for each in older] == keys[
        : len(older)
    ]
