"""Mastodon's archive: who can read a post, what in it is its author's, and archives of other years."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.paths import EXPORTS
from training.importers import registry
from training.importers.posts.mastodon.records import Post
from training.importers.reading.import_log import ImportLog
from training.importers.reading.mentions import mention_labels, without_addresses

ANA, BO = "https://a.example/users/ana", "https://b.example/users/bo"
PUBLIC, FOLLOWERS = "https://www.w3.org/ns/activitystreams#Public", f"{ANA}/followers"


def write(path: Path, *posts: dict[str, Any]) -> Path:
    items = [
        {
            "type": "Create",
            "actor": ANA,
            "object": {"type": "Note", "published": "2024-03-04T11:00:00Z", **post},
        }
        for post in posts
    ]
    document = {"@context": [], "type": "OrderedCollection", "totalItems": 1, "orderedItems": items}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("to", "cc", "people"),
    [
        ([PUBLIC], [FOLLOWERS], None),
        ([FOLLOWERS], [PUBLIC], None),
        (["as:Public"], [], None),
        (PUBLIC, None, None),
        ([FOLLOWERS], [BO], None),
        ([BO], [], [BO]),
        (BO, None, [BO]),
        ([BO], [ANA], [ANA, BO]),
        ([], [], None),
        (None, None, None),
        (7, {"a": 1}, None),
    ],
)
def test_a_post_to_people_alone_is_direct(to: Any, cc: Any, people: list[str] | None) -> None:
    assert Post(to=to, cc=cc).people() == people


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<p>a</p><p>b<br />c</p>", "a\n\nb\nc"),
        ("<p>tea &amp; cake</p>", "tea & cake"),
        ("<blockquote>his</blockquote><p>mine</p>", "mine"),
        ('<p class="quote-inline">RE: <a href="x">x</a></p><p>mine</p>', "mine"),
        ('<p>mine</p><span class="quote-inline"><br><br>RE: <a href="x">x</a></span>', "mine"),
        ('<p>mine</p><span class="quote-inline">without end', "mine\n\nwithout end"),
        ('<p><span class="invisible">https://</span><span>a.b</span><span>/d</span></p>', "https://a.b/d"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_post_has_the_words_of_its_html(content: str | None, words: str) -> None:
    assert Post(type="Note", content=content).words == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@bo yes", "yes"),
        ("@bo@b.example @cy yes, @dee", "yes, @dee"),
        ("@bo", ""),
        ("yes @bo", "yes @bo"),
        ("@ home", "@ home"),
        ("@bo, yes", "@bo, yes"),
    ],
)
def test_an_answer_does_not_begin_with_whom_it_answers(text: str, words: str) -> None:
    assert without_addresses(text) == words


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ask @bo.b.example.", ["@bo.b.example"]),
        ("ask @bo@b.example!", ["@bo@b.example"]),
        ("mail a@b.example", []),
        ("see https://a.example/@bo", []),
        ("none", []),
    ],
)
def test_the_names_in_a_post_are_labelled(text: str, names: list[str]) -> None:
    assert [text[start:end] for start, end, _ in mention_labels(text)] == names


def test_kinds_that_nobody_knows_are_counted_and_have_no_words() -> None:
    log = ImportLog()
    messages = list(registry.read_exports(EXPORTS / "mastodon/archive", log))
    assert dict(log.unknown) == {"Hologram": 1, "Like": 1}
    assert [message.text for message in messages if message.kind == "other"] == [""]
    assert dict(log.kept) == {"posts, without their content warning": 1}


def test_an_outbox_alone_belongs_to_its_actor(tmp_path: Path) -> None:
    path = write(tmp_path / "outbox.json", {"id": f"{ANA}/1", "content": "a", "to": [PUBLIC]})
    (message,) = registry.read_exports(path)
    assert (message.author, message.chat, message.is_self) == (ANA, ANA, True)


def test_an_old_tar_and_a_folder_give_the_same_keys() -> None:
    old, new = (
        {(message.chat, message.id) for message in registry.read_exports(EXPORTS / name)}
        for name in ("mastodon/archive-20200101.tar.gz", "mastodon/archive")
    )
    assert old
    assert old < new


def test_each_dated_post_of_an_outbox_is_read_once() -> None:
    outbox = json.loads((EXPORTS / "mastodon/archive/outbox.json").read_bytes())
    posts = [each["object"] for each in outbox["orderedItems"] if isinstance(each, dict)]
    wanted = [
        post["id"]
        for post in posts
        if isinstance(post, dict) and post["type"] != "Tombstone" and post["published"] != "soon"
    ]
    assert [message.id for message in registry.read_exports(EXPORTS / "mastodon/archive")] == wanted


def test_lists_of_favourites_hold_no_posts(tmp_path: Path) -> None:
    path = tmp_path / "likes.json"
    path.write_bytes((EXPORTS / "mastodon/archive/likes.json").read_bytes())
    assert list(registry.read_exports(path)) == []


@pytest.mark.parametrize("object", [None, 7, [], "https://b.example/1", {"type": "Note", "content": 5}])
def test_a_post_of_another_shape_is_counted(object: Any, tmp_path: Path) -> None:
    path, log = tmp_path / "outbox.json", ImportLog()
    items = [{"type": "Create", "actor": ANA, "object": object}]
    path.write_text(json.dumps({"@context": [], "totalItems": 1, "orderedItems": items}), encoding="utf-8")
    assert list(registry.read_exports(path, log)) == []
    assert log.skipped.total() + log.unknown.total() == 1
