"""Misskey's notes: markup, quoted lines and renotes are no words, and chosen people are a chat."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.importers import registry
from training.importers.posts.misskey import plain_words
from training.importers.reading.import_log import ImportLog
from training.store.messages import ExportedMessage


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$[tada tea]", "tea"),
        ("$[spin.x,speed=2s $[x2 tea]]!", "tea!"),
        ("[a] $[tada [b]] ]", "[a] [b] ]"),
        ("<center>tea</center>", "tea"),
        ("> his\nmine", "mine"),
        ("3 > 2", "3 > 2"),
        ("$[", ""),
        ("]" * 5, "]]]]]"),
    ],
)
def test_a_note_has_its_authors_words(text: str, words: str) -> None:
    assert plain_words(text) == words


def read(folder: Path, log: ImportLog | None = None, **fields: Any) -> list[ExportedMessage]:
    note = {
        "id": "n1",
        "text": "tea",
        "createdAt": "2024-03-04T11:00:00.000Z",
        "fileIds": [],
        "replyId": None,
    }
    path = folder / "notes.json"
    path.write_text(
        json.dumps([{**note, "renoteId": None, "visibility": "public", **fields}]), encoding="utf-8"
    )
    return list(registry.read_exports(path, log))


@pytest.mark.parametrize(
    ("fields", "chat", "kind"),
    [
        ({}, "self", "timeline"),
        ({"visibility": "followers"}, "self", "timeline"),
        ({"visibility": "specified", "visibleUserIds": ["b"]}, "direct b", "direct"),
        ({"visibility": "specified", "visibleUserIds": ["c", "b"]}, "direct b c", "group"),
        ({"visibility": "specified"}, "direct", "direct"),
    ],
)
def test_a_note_to_chosen_people_is_a_chat_of_its_own(
    fields: dict[str, Any], chat: str, kind: str, tmp_path: Path
) -> None:
    assert [(each.chat, each.chat_kind) for each in read(tmp_path, **fields)] == [(chat, kind)]


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"text": None, "renoteId": "r"}, []),
        ({"text": "", "renoteId": "r"}, []),
        ({"text": "so", "renoteId": "r"}, [("text", "so", "r")]),
        ({"text": None, "fileIds": ["f"]}, [("image", "", None)]),
        ({"text": None, "poll": {"choices": []}}, [("other", "", None)]),
        ({"createdAt": "soon"}, []),
        ({"text": 5}, []),
    ],
)
def test_a_note_is_kept_for_its_own_part(fields: dict[str, Any], kept: list[Any], tmp_path: Path) -> None:
    log = ImportLog()
    found = read(tmp_path, log, **fields)
    assert [(each.kind, each.text, each.quote) for each in found] == kept
    assert len(found) + log.skipped.total() == 1
