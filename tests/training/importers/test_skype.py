"""Skype's and Teams' content: quotes, changes and pictures are no words, and types are kinds of records."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.paths import EXPORTS
from training.importers import registry
from training.importers.chats.skype.content import SkypeText, read_content, record_of
from training.importers.reading.import_log import ImportLog

LEGACY = "<legacyquote>[1] Bo: </legacyquote>his<legacyquote>\n\n&lt;&lt;&lt; </legacyquote>"
QUOTE = f'<quote author="bo" messageid="17">{LEGACY}</quote>'


@pytest.mark.parametrize(
    ("content", "messagetype", "parts"),
    [
        ("tea &amp; cake", "RichText", SkypeText("tea & cake")),
        ("tea &amp; cake", "Text", SkypeText("tea &amp; cake")),
        ("two\r\nlines", "RichText", SkypeText("two\nlines")),
        (f"{QUOTE}mine", "RichText", SkypeText("mine", "17", True)),
        (f"{QUOTE}mine", "Text", SkypeText("mine", "17", True)),
        ("a <quote of", "Text", SkypeText("a <quote of")),
        ('Edited previous message: fixed<e_m a="x">', "Text", SkypeText("fixed", is_edited=True)),
        ('Edited previous message: fixed<e_m a="x"/>', "RichText", SkypeText("fixed", is_edited=True)),
        ("Edited previous message: fixed", "RichText", SkypeText("Edited previous message: fixed")),
        ('<files alt=""/>mine', "RichText", SkypeText("mine")),
        ("<quote>his<quote/></quote>mine", "RichText", SkypeText("mine", None, True)),
        (QUOTE, "RichText", SkypeText("", "17", True)),
        ('hi <ss type="smile">:)</ss>', "RichText", SkypeText("hi :)")),
        ('ask <at id="8:bo">Bo</at>', "RichText", SkypeText("ask @Bo")),
        ('ask <at id="8:bo">@Bo</at>', "RichText", SkypeText("ask @Bo")),
        ('so<e_m a="x" ts="1"></e_m>', "RichText", SkypeText("so", is_edited=True)),
        ("<p>a</p><p>b</p>", "RichText/Html", SkypeText("a\n\nb")),
        ('<img alt="🙂" itemtype="http://schema.skype.com/Emoji">', "RichText/Html", SkypeText("🙂")),
        ('<emoji alt="🙂" title="Smile"></emoji>', "RichText/Html", SkypeText("🙂")),
        (
            '<img alt="a" itemtype="http://schema.skype.com/AMSImage">',
            "RichText/Html",
            SkypeText("", has_picture=True),
        ),
        ('<blockquote itemid="5">his</blockquote><p>mine</p>', "RichText/Html", SkypeText("mine", "5", True)),
        ("<quote without an end", "RichText", SkypeText("<quote without an end")),
        ("", "RichText", SkypeText("")),
    ],
)
def test_a_content_has_its_authors_words(content: str, messagetype: str, parts: SkypeText) -> None:
    assert read_content(content, messagetype) == parts


@pytest.mark.parametrize(
    ("messagetype", "record"),
    [
        ("Text", "words"),
        ("RichText/Html", "words"),
        ("RichText/Media_Video", "video"),
        ("Event/Call", "call"),
        ("ThreadActivity/TopicUpdate", "notice"),
        ("EndToEndEncryption/EncryptedText", "undelivered"),
        ("EndToEndEncryption/E2EEHandshake", "notice"),
        ("Control/Typing", "notice"),
        ("RichText/Media_New", None),
        ("Text/New", None),
        ("Hologram", None),
        ("", None),
    ],
)
def test_a_type_of_message_is_a_kind_of_record(messagetype: str, record: str | None) -> None:
    assert record_of(messagetype) == record


def write(path: Path, *messages: dict[str, Any], **fields: Any) -> Path:
    chat = {"id": "8:bo", "displayName": "Bo", "MessageList": messages, **fields}
    path.write_text(
        json.dumps({"userId": "8:ana", "exportDate": "a", "conversations": [chat]}), encoding="utf-8"
    )
    return path


def message(content: object, sender: object = "8:bo", **fields: Any) -> dict[str, Any]:
    shape = {"id": "1", "originalarrivaltime": "2024-03-04T11:00:00.000Z", "messagetype": "RichText"}
    return {**shape, "content": content, "from": sender, **fields}


def test_unknown_types_are_counted_by_name() -> None:
    log = ImportLog()
    list(registry.read_exports(EXPORTS / "skype/messages.json", log))
    assert dict(log.unknown) == {"Hologram/One": 1}


@pytest.mark.parametrize(
    ("chat", "kind"),
    [
        ("8:live:bo", "direct"),
        ("19:a@thread.skype", "group"),
        ("19:a@thread.v2", "group"),
        ("19:a@p2p.thread.skype", "direct"),
        ("19:a_b@unq.gbl.spaces", "direct"),
    ],
)
def test_a_conversation_is_direct_or_a_group_by_its_id(chat: str, kind: str, tmp_path: Path) -> None:
    (found,) = registry.read_exports(write(tmp_path / "messages.json", message("a"), id=chat))
    assert (found.chat, found.chat_kind) == (chat, kind)


@pytest.mark.parametrize("fields", [{"id": 5}, {"content": 5}, {"from": None}, {"originalarrivaltime": 7}])
def test_a_message_of_another_shape_is_counted_or_read(fields: dict[str, Any], tmp_path: Path) -> None:
    path, log = write(tmp_path / "messages.json", {**message("a"), **fields}), ImportLog()
    found = list(registry.read_exports(path, log))
    assert len(found) + log.skipped.total() == 1


@pytest.mark.parametrize("messages", [None, {}, 7, "a"])
def test_a_conversation_without_a_list_is_empty(messages: object, tmp_path: Path) -> None:
    path = write(tmp_path / "messages.json", MessageList=messages)
    assert list(registry.read_exports(path)) == []
