"""QQ NT: the words of a person among the placeholders of qq-chat-exporter, in each of its forms."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from tests.complexity.documents.east_asian_formats import qq_nt, qq_nt_parts
from tests.complexity.documents.hostile_chats import Chat, Said
from tests.paths import EXPORTS
from tests.training.importers.fixtures import read_fixture
from tests.training.importers.test_known_again import import_all, write
from training.importers import registry
from training.importers.chats.qq_nt.export import parse_time
from training.importers.chats.qq_nt.placeholders import own_words
from training.importers.reading.import_log import ImportLog

FIXTURES = sorted((EXPORTS / "qq_nt").iterdir())
OF_OTHERS = ("别人", "[图片", "[回复", "[转发", "[语音", "[表情", "内容:", "提及:", "资源:")


@pytest.mark.parametrize("path", FIXTURES, ids=[path.name for path in FIXTURES])
def test_no_placeholder_and_no_words_of_others_are_words(path: Path) -> None:
    for message in registry.read_exports(path):
        assert message.forwarded or not any(mark in message.text for mark in OF_OTHERS)


def test_each_record_of_an_export_is_kept_or_counted() -> None:
    """The records are counted by the standard library's JSON, in the file itself."""
    log = ImportLog()
    records = json.loads((EXPORTS / "qq_nt/v6.json").read_text(encoding="utf-8"))["messages"]
    messages = read_fixture("qq_nt/v6.json", log)
    assert len(messages) + sum(log.skipped.values()) == len(records)
    assert log.unknown == {"hologram": 1}


@pytest.mark.parametrize(
    ("text", "quoted", "words"),
    [
        ("绿茶", "", "绿茶"),
        ("[回复消息]绿茶[图片:a.png]", "", "绿茶"),
        ("[回复 Bo: a]b]绿茶", "a]b", "绿茶"),
        ("[回复 Bo: a]b]绿茶", "", ""),
        ("[转发消息: 1条]\n  Bo: a", "", ""),
        ("[语音:3秒]", "", ""),
        ("[语音 3秒]", "", ""),
        ("array[图片]", "", "array"),
        ("a[0] = b", "", "a[0] = b"),
    ],
)
def test_a_text_loses_what_the_exporter_wrote(text: str, quoted: str, words: str) -> None:
    assert own_words(text, quoted) == words


@pytest.mark.parametrize(
    ("value", "time"),
    [(1767322800000, 1767322800.0), (1767322800, 1767322800.0), ("2026-01-02T03:00:00.000Z", 1767322800.0)],
)
def test_a_time_is_in_whole_seconds(value: float | str, time: float) -> None:
    assert parse_time(value) == time


@pytest.mark.parametrize("value", [1767322800417, -1, "soon", 10**30, 1e300])
def test_the_time_of_the_export_is_no_time_of_a_message(value: float | str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        parse_time(value)


def test_a_chat_in_parts_is_the_chat_of_one_file(tmp_path: Path) -> None:
    said = (Said(0, "hello"), Said(1, "so", 1))
    whole = write(tmp_path / "whole", qq_nt(Chat(said)))
    parts = write(tmp_path / "parts", qq_nt_parts(Chat((*said, Said(0, "yes")))))
    assert import_all(tmp_path / "work", whole, parts) == (1, 2, 0)


def test_a_part_that_is_not_there_is_named(tmp_path: Path) -> None:
    files = qq_nt_parts(Chat((Said(0, "hello"), Said(1, "so"))))
    files.pop("chunks/c000002.jsonl")
    log = ImportLog()
    assert [each.text for each in registry.read_exports(write(tmp_path, files), log)] == ["hello"]
    assert [*log.notes] == [
        f"{tmp_path}: manifest.json names parts that are not there, 1 of them: export it again."
    ]


def test_a_part_without_its_manifest_is_read(tmp_path: Path) -> None:
    files = qq_nt_parts(Chat((Said(0, "hello"),)))
    del files["manifest.json"]
    (message,) = registry.read_exports(write(tmp_path, files))
    assert (message.text, message.chat, message.is_self) == ("hello", "c000001.jsonl", None)


def export(folder: Path, **fields: Any) -> Path:
    message = {"id": "1", "timestamp": 1767322800000, "sender": {"uid": "u_a", "name": "Ana"}, **fields}
    document = {"metadata": {"name": "QQChatExporter"}, "chatInfo": {"name": "quay"}, "messages": [message]}
    (folder / "a.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"content": {"text": 5}}, []),
        ({"content": None}, [("other", "")]),
        ({"content": {"text": "so", "elements": None}}, [("text", "so")]),
        ({"content": {"elements": [{"type": "text", "data": None}]}}, [("other", "")]),
        (
            {"content": {"elements": [{"type": "text", "data": {"text": "so"}}]}, "sender": None},
            [("text", "so")],
        ),
        ({"content": {"elements": [{"type": "image"}]}, "id": 0}, [("image", "")]),
        ({"timestamp": None}, []),
        ({"timestamp": 10**400}, []),
        ({"recalled": "yes"}, []),
    ],
)
def test_a_strange_record_is_kept_or_skipped(
    fields: dict[str, Any], kept: list[tuple[str, str]], tmp_path: Path
) -> None:
    log = ImportLog()
    messages = registry.read_exports(export(tmp_path, **fields), log)
    assert [(each.kind, each.text) for each in messages] == kept
    assert kept or log.skipped


def test_one_message_by_qq_and_by_qqnt_export_has_one_id(tmp_path: Path) -> None:
    by_qq, by_program = (
        {each.text: (each.chat, each.id) for each in read_fixture(name) if each.text}
        for name in ("qq/records.txt", "qq_nt/茶会.json")
    )
    assert by_qq["今天喝什么\n两行"] == by_program["今天喝什么\n两行"]


def test_a_broken_part_is_refused_by_its_name(tmp_path: Path) -> None:
    files = qq_nt_parts(Chat((Said(0, "hello"),)))
    files["chunks/c000001.jsonl"] += b'\n{"id": '
    with pytest.raises(UserError, match=r"c000001\.jsonl, line 2, cannot be read"):
        list(registry.read_exports(write(tmp_path, files)))
