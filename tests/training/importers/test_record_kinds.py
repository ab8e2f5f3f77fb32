"""What is no person's words is never learned: each record has a kind of the list, or is counted by name."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.import_command import PersonaFolder
from training.importers import registry
from training.importers.chats import chatlab, discord_exporter, messenger_e2ee, meta
from training.importers.chats.google import chat as google_chat
from training.importers.chats.google import hangouts as google_hangouts
from training.importers.chats.slack import messages as slack
from training.importers.chats.telegram.text import rich_text
from training.importers.chats.wechat import export as wechat
from training.importers.chats.wechat.quotes import own_words
from training.importers.reading.import_log import LONGEST_UNKNOWN, MOST_UNKNOWN, ImportLog
from training.importers.reading.phrases import open_phrase_book, record_kind
from training.importers.reading.record_kinds import KEPT, LEFT_OUT, RECORD_KINDS, file_kind, kept_kind

TABLES: dict[str, Mapping[Any, str]] = {
    "ChatLab": chatlab._KINDS,
    "DiscordChatExporter": discord_exporter._TYPES,
    "Messenger": meta._TYPES,
    "Messenger end-to-end": messenger_e2ee._TYPES,
    "Slack": slack._SUBTYPES,
    "Google Chat, by author": google_chat._AUTHORS,
    "Google Chat, by annotation": google_chat._ANNOTATIONS,
    "Google Hangouts": google_hangouts._EVENTS,
    "WeChat": wechat._TYPES,
}


def test_each_kind_is_kept_or_left_out() -> None:
    assert {*KEPT} | {*LEFT_OUT} == {*RECORD_KINDS}
    assert not {*KEPT} & {*LEFT_OUT}
    assert [kind for kind in KEPT if KEPT[kind] == "text"] == ["words"]


@pytest.mark.parametrize("name", TABLES)
def test_a_reader_maps_to_kinds_of_the_list(name: str) -> None:
    assert {*TABLES[name].values()} <= {*RECORD_KINDS}


def as_json(folder: Path, value: object, name: str = "result.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return folder


def chatlab_type(folder: Path) -> Path:
    message = {"sender": "1", "timestamp": 1680343200, "type": 777, "content": "hologram"}
    return as_json(folder, {"chatlab": {}, "meta": {"name": "Bo"}, "messages": [message]})


def discord_type(folder: Path) -> Path:
    author = {"id": "1", "name": "ana"}
    message = {"id": "1", "timestamp": "2024-01-01T10:00:00Z", "author": author, "type": "777"}
    channel = {"id": "7", "type": "GuildTextChat", "name": "quay"}
    return as_json(
        folder, {"guild": {"id": "1"}, "channel": channel, "messages": [{**message, "content": "x"}]}
    )


def slack_type(folder: Path) -> Path:
    message = {"ts": "1704189600.000100", "type": "message", "subtype": "type 777", "user": "U1", "text": "x"}
    return as_json(folder, [message], "general/2024-01-02.json")


def meta_type(folder: Path) -> Path:
    message = {"sender_name": "Bo", "timestamp_ms": 1680343201000, "content": "x", "type": "type 777"}
    return as_json(folder, {"participants": [{"name": "Bo"}], "messages": [message], "title": "Bo"})


def e2ee_type(folder: Path) -> Path:
    message = {"senderName": "Bo", "timestamp": 1680343201000, "text": "x", "type": "type 777"}
    return as_json(folder, {"participants": ["Bo"], "threadName": "Bo_1", "messages": [message]})


def wechat_type(folder: Path) -> Path:
    message = {"talker": "bo", "isSelf": True, "content": "x", "time": "2024-01-01T10:00:00+08:00"}
    return as_json(folder, [{**message, "type": 777, "seq": 5}])


@pytest.mark.parametrize("write", [chatlab_type, discord_type, slack_type, meta_type, e2ee_type, wechat_type])
def test_an_unknown_kind_is_counted_by_its_name_and_has_no_words(
    write: Callable[[Path], Path], tmp_path: Path
) -> None:
    log = ImportLog()
    (message,) = registry.read_exports(write(tmp_path), log)
    assert (message.text, message.kind in ("other", "notice")) == ("", True)
    assert log.unknown == {"type 777": 1}


def test_the_summary_names_unknown_kinds(persona: PersonaFolder, tmp_path: Path) -> None:
    done = persona.run(wechat_type(tmp_path), me="me")
    assert "Of a kind that is not known, and kept without words: 1 type 777." in done.stdout
    assert persona.json(tmp_path)["unknown_kinds"] == {"type 777": 1}


def test_names_of_unknown_kinds_are_bounded() -> None:
    log = ImportLog()
    for number in range(MOST_UNKNOWN + 50):
        kept_kind(None, f"{number} " + "x" * 1000, log)
    assert len(log.unknown) == MOST_UNKNOWN + 1
    assert log.unknown["others"] == 50
    assert max(map(len, log.unknown)) == LONGEST_UNKNOWN


PHRASES = {
    "whatsapp": [
        ("<Media omitted>", "file"),
        ("imagem não revelada", "image"),
        ("GIF weggelaten", "video"),
        ("This message was deleted.", "deleted"),
        ("This message was deleted by admin Bob", "deleted"),
        ("Esperando este mensaje", "undelivered"),
        ("Live-Standort wird geteilt", "location"),
        ("Videollamada perdida", "call"),
        ("Missed voice call. Tap to call back", "call"),
        ("view once voice message omitted", "view once"),
        ("Messages and calls are end-to-end encrypted. Tap to learn more.", "notice"),
        ("I deleted this message", None),
        ("the live location shared a map", None),
        ("Missed voice call yesterday, sorry", None),
    ],
    "line": [
        ("☎ 通話時間 0:22", "call"),
        ("[スタンプ]", "sticker"),
        ("Boがメッセージの送信を取り消しました", "deleted"),
        ("Bo unsent a message.", "deleted"),
        ("I unsent a message, I think", None),
    ],
    "signal": [
        ("Missed voice call", "call"),
        ("Outgoing voice call (accepted, 3m 2s)", "call"),
        ("call", None),
    ],
}


@pytest.mark.parametrize(
    ("platform", "text", "kind"),
    [(platform, *each) for platform, phrases in PHRASES.items() for each in phrases],
)
def test_a_phrase_of_a_platform_is_known(platform: str, text: str, kind: str | None) -> None:
    phrase = open_phrase_book(platform).find(text)
    assert (phrase and record_kind(phrase)) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Ann changed the theme to Ocean.", "notice"),
        ("Ann set the nickname for Bob to Bolt.", "notice"),
        ("Ann named the group Quay.", "notice"),
        ("Ann voted for tea in the poll: tea or coffee?", "poll"),
        ("Ann missed your call.", "call"),
        ("Ann sent an attachment.", "file"),
        ("Reacted 😂 to your message ", "reaction"),
        ("Liked a message", "reaction"),
        ("Ann unsent a message", "deleted"),
        ("Bo changed the theme to Ocean.", None),
        ("Ann is here", None),
    ],
)
def test_a_notice_of_meta_begins_with_the_name_of_its_author(text: str, kind: str | None) -> None:
    phrase = open_phrase_book("meta").find(text, "Ann")
    assert (phrase and record_kind(phrase)) == kind


@pytest.mark.parametrize(
    ("text", "quoted", "own"),
    [
        ("[引用 Bo：今天喝什么]绿茶", "今天喝什么", "绿茶"),
        ("[引用 Bo：a]b] c", "a]b", "c"),
        ("绿茶\n\n 引用:Bo:今天喝什么", "", "绿茶"),
        ("绿茶\n[引用]Bo:今天喝什么", "今天喝什么", "绿茶"),
        ("「Bo：今天\n喝什么」\n- - - - - - - - - - -\n绿茶", "", "绿茶"),
        ("<msg><appmsg><title>绿 &amp; 白</title><refermsg>x</refermsg></appmsg></msg>", "", "绿 & 白"),
        ("绿茶", "今天喝什么", "绿茶"),
        ("绿茶", "", "绿茶"),
    ],
)
def test_a_reply_of_wechat_loses_the_words_of_others(text: str, quoted: str, own: str) -> None:
    assert own_words(text, quoted) == own


PLAIN = {"type": "plain", "text": "oil"}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            {"blocks": [{"type": "paragraph", "text": PLAIN}, {"type": "paragraph", "text": "tea"}]},
            "oil\ntea",
        ),
        ({"blocks": [{"type": "heading", "text": ["the ", {"type": "bold", "text": PLAIN}]}]}, "the oil"),
        ({"blocks": [{"type": "concat", "text": {"type": "concat", "texts": ["a", PLAIN]}}]}, "aoil"),
        ({"blocks": [{"type": "list", "items": [{"text": "a"}, {"blocks": [{"text": "b"}]}]}]}, "a\nb"),
        ({"blocks": [{"type": "table", "title": "t", "cells": [[{"text": "a"}, {"text": "b"}]]}]}, "t\na b"),
        ({"blocks": []}, ""),
        ({"blocks": 7}, ""),
        ("words", ""),
        (None, ""),
    ],
)
def test_a_rich_message_of_telegram_has_the_words_of_its_blocks(message: object, text: str) -> None:
    assert rich_text(message) == text


@pytest.mark.parametrize(
    ("path", "kind"),
    [("a/b.JPG", "image"), ("a.opus", "audio"), ("a.mp4", "video"), ("a.webp", "sticker"), ("a", "file")],
)
def test_a_file_is_of_a_kind_by_its_extension(path: str, kind: str) -> None:
    assert file_kind(path) == kind
