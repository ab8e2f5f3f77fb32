"""Element's JSON of a room: edits, answers, what others wrote inside a message, and who exported it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.paths import EXPORTS
from training.importers import registry
from training.importers.chats.element.events import MatrixEvent, own_words, record_of
from training.importers.reading.import_log import ImportLog
from training.store.messages import ExportedMessage

ANA, BO, SAM = "@ana:a.example", "@bo:a.example", "@sam:a.example"


def event(sender: str, body: str, id: str, **content: Any) -> dict[str, Any]:
    fields = {"type": "m.room.message", "sender": sender, "origin_server_ts": 1709551200000, "event_id": id}
    return {**fields, "room_id": "!quay", "content": {"msgtype": "m.text", "body": body, **content}}


def member(person: str, name: str, **fields: Any) -> dict[str, Any]:
    content = {"membership": "join", "displayname": name}
    return {
        **event(person, "", f"$member {person} {name}"),
        "type": "m.room.member",
        "content": content,
        **fields,
    }


def edit(sender: str, body: str, of: str, time: int) -> dict[str, Any]:
    relation = {"rel_type": "m.replace", "event_id": of}
    content = {"m.new_content": {"msgtype": "m.text", "body": body}, "m.relates_to": relation}
    return {
        **event(sender, f"* {body}", f"$edit {time}", **content),
        "origin_server_ts": 1709551200000 + time,
    }


def read(folder: Path, *events: object, **head: object) -> list[ExportedMessage]:
    path = folder / "export.json"
    document = {"room_name": "Quay", "exported_by": "Ana", "messages": events, **head}
    path.write_text(json.dumps(document), encoding="utf-8")
    return [message for message in registry.read_exports(path, ImportLog()) if message.kind != "notice"]


@pytest.mark.parametrize(
    ("edits", "text"),
    [
        ([edit(ANA, "tea", "$1", 5)], "tea"),
        ([edit(ANA, "tea", "$1", 9), edit(ANA, "coffee", "$1", 5)], "tea"),
        ([edit(BO, "forged", "$1", 5)], "tee"),
        ([edit(ANA, "tea", "$1", 5), edit(BO, "forged", "$1", 9)], "tea"),
        ([edit(ANA, "of another", "$2", 5)], "tee"),
    ],
)
def test_the_last_edit_by_its_author_counts(edits: list[object], text: str, tmp_path: Path) -> None:
    messages = read(tmp_path, event(ANA, "tee", "$1"), *edits)
    assert [message.text for message in messages if message.id == "$1"] == [text]


@pytest.mark.parametrize(
    ("people", "exporter", "me"),
    [
        ([member(ANA, "Ana"), member(BO, "Bo")], "Ana", ANA),
        ([member(ANA, "Annie"), member(ANA, "Ana")], "Ana", ANA),
        ([member(ANA, "Ana"), member(ANA, "Annie")], "Ana", None),
        ([member(ANA, "Ana"), member(BO, "Ana")], "Ana", None),
        ([member(BO, "Ana", state_key=ANA)], "Ana", ANA),
        ([], ANA, ANA),
        ([], "Ana", None),
        ([member(ANA, "Ana")], 7, None),
    ],
)
def test_the_exporter_is_the_only_one_of_that_name(
    people: list[object], exporter: object, me: str | None, tmp_path: Path
) -> None:
    found = read(tmp_path, *people, event(ANA, "hello", "$1"), event(BO, "hi", "$2"), exported_by=exporter)
    assert [message.is_self for message in found] == ([None, None] if me is None else [True, False])


FALLBACK = "> <@bo:a.example> is it in\n> really\n\nnot yet"


@pytest.mark.parametrize(
    ("content", "is_reply", "words"),
    [
        ({"body": FALLBACK}, True, "not yet"),
        ({"body": FALLBACK}, False, FALLBACK),
        ({"body": "> * <@bo:a.example> waves\n\nhello"}, True, "hello"),
        ({"body": "not yet"}, True, "not yet"),
        ({"body": "> mine\nand so"}, True, "> mine\nand so"),
        ({"body": "> his\n\nmine", "formatted_body": "<blockquote>his</blockquote>mine"}, False, "mine"),
        ({"body": "> only his"}, False, "> only his"),
        ({"body": FALLBACK + "\n> mine"}, True, "not yet\n> mine"),
        ({"body": None}, True, ""),
        ({}, False, ""),
    ],
)
def test_a_message_keeps_only_its_authors_words(content: dict[str, Any], is_reply: bool, words: str) -> None:
    assert own_words(content, is_reply) == words


@pytest.mark.parametrize(
    ("type", "content", "record"),
    [
        ("m.room.message", {"msgtype": "m.text", "body": "a"}, "words"),
        ("m.room.message", {"msgtype": "m.emote", "body": "a"}, "words"),
        ("m.room.message", {"msgtype": "m.notice", "body": "a"}, "bot"),
        ("m.room.message", {"msgtype": "m.bad.encrypted", "body": "a"}, "undelivered"),
        ("m.room.message", {}, "deleted"),
        ("m.room.message", {"msgtype": 7}, None),
        ("m.room.encrypted", {"ciphertext": "a"}, "undelivered"),
        ("m.room.topic", {"topic": "a"}, "notice"),
        ("m.reaction", {"m.relates_to": {}}, "reaction"),
        ("m.poll.response", {"a": 1}, "notice"),
        ("m.call.hangup", {"a": 1}, "call"),
        ("com.example.own", {"a": 1}, None),
    ],
)
def test_an_event_is_a_record_of_its_kind(type: str, content: dict[str, Any], record: str | None) -> None:
    assert record_of(MatrixEvent(type=type, content=content))[0] == record


def test_unknown_events_are_counted_by_their_names() -> None:
    log = ImportLog()
    list(registry.read_exports(EXPORTS / "element", log))
    assert dict(log.unknown) == {"org.example.hologram": 1, "org.example.weather": 1}


def test_a_renamed_room_is_the_same_chat(tmp_path: Path) -> None:
    names, said = ("Quay", "Tea"), event(ANA, "a", "$1")
    chats = {message.chat for name in names for message in read(tmp_path, said, room_name=name)}
    assert chats == {"!quay"}


def test_an_edit_without_its_message_keeps_the_words_under_that_id(tmp_path: Path) -> None:
    first, last = edit("@ana:x", "te", "$gone", 1), edit("@ana:x", "tea", "$gone", 2)
    kept = read(tmp_path, first, event("@bo:x", "oil", "$2"), last, edit("@eve:x", "ink", "$2", 3))
    assert [(each.id, each.author, each.text, each.edited) for each in kept] == [
        ("$2", "@bo:x", "oil", False),
        ("$gone", "@ana:x", "tea", True),
    ]


def test_a_caption_has_no_words_of_the_message_that_it_answers(tmp_path: Path) -> None:
    relation = {"m.in_reply_to": {"event_id": "$1"}}
    content = {"msgtype": "m.image", "filename": "a.png", "m.relates_to": relation}
    (message,) = read(tmp_path, event("@ana:x", "> <@bo:x> his\n\nmine", "$2", **content))
    assert (message.text, message.media) == ("mine", ("a.png",))
