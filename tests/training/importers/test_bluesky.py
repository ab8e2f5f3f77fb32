"""Bluesky's repository: its binary parts are read within bounds, and posts stand under their keys."""

from pathlib import Path
from typing import Any

import pytest

from bot.errors import UserError
from tests.complexity.documents.fedi_formats import POST, as_blocks, as_car, as_cbor, cid_of, varint
from training.importers import registry
from training.importers.posts.bluesky import repository
from training.importers.posts.bluesky.cbor import CborError, Link, decode_cbor
from training.importers.posts.bluesky.posts import written_out
from training.importers.reading.import_log import ImportLog

DID = "did:plc:tide"


def post(text: str, **fields: Any) -> dict[str, Any]:
    return {"$type": POST, "text": text, "createdAt": "2024-03-04T11:00:00.000Z", **fields}


def texts(path: Path, data: bytes, log: ImportLog | None = None) -> dict[str, str]:
    path.write_bytes(data)
    return {message.id: message.text for message in registry.read_exports(path, log)}


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\xa2aa\x0cabfhello!", {"a": 12, "b": "hello!"}),  # of python-libipld's readme
        (b"\x00", 0),
        (b"\x17", 23),
        (b"\x18\x18", 24),
        (b"\x1b" + b"\xff" * 8, (1 << 64) - 1),
        (b"\x20", -1),
        (b"\x38\x63", -100),
        (b"\x43abc", b"abc"),
        (b"\x62\xc3\xbc", "ü"),
        (b"\x83\x01\x02\x80", [1, 2, []]),
        (b"\xf4", False),
        (b"\xf5", True),
        (b"\xf6", None),
        (b"\xfb\x3f\xf8" + b"\x00" * 6, 1.5),
        (b"\xd8\x2a\x43\x00\x01\x71", Link(b"\x01\x71")),
    ],
)
def test_a_value_of_cbor_is_decoded(data: bytes, value: object) -> None:
    assert decode_cbor(data) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x18",
        b"\x5f\x41a\xff",  # bytes without a length
        b"\x9f\x01\xff",  # a list without a length
        b"\x9b" + b"\xff" * 8,  # a list of 2**64 values
        b"\xbb\x00\x00\x00\x00\xff\xff\xff\xff",
        b"\x7b" + b"\xff" * 8,
        b"\xa1\x01\x01",  # a key that is no text
        b"\x62\xff\xff",  # a text that is not UTF-8
        b"\xc1\x01",  # another tag
        b"\xd8\x2a\x42\x01\x71",  # a link without its mark
        b"\xf7",
        b"\x01\x01",
        b"\x81" * 5000 + b"\x01",
        b"\xd8\x2a" * 5000,
    ],
)
def test_bytes_that_are_no_value_are_refused(data: bytes) -> None:
    with pytest.raises(CborError):
        decode_cbor(data)


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_posts_stand_under_their_keys(count: int, tmp_path: Path) -> None:
    records = {f"{POST}/3k{at:03}": post(f"words {at}") for at in range(count)}
    assert texts(tmp_path / "repo.car", as_car(DID, records)) == {
        key.partition("/")[2]: record["text"] for key, record in records.items()
    }


def test_a_post_outside_of_the_tree_was_deleted(tmp_path: Path) -> None:
    log = ImportLog()
    data = as_car(DID, {f"{POST}/3ka": post("kept")}, lost=(post("gone"),))
    assert texts(tmp_path / "repo.car", data, log) == {"3ka": "kept"}
    assert dict(log.skipped) == {"deleted by their author": 1}


def test_a_tree_that_goes_round_in_a_circle_ends(tmp_path: Path) -> None:
    node = as_cbor({"l": cid_of(b"one"), "e": []})
    other = as_cbor({"l": cid_of(b"other"), "e": []})
    commit = as_cbor({"did": DID, "data": cid_of(b"other")})
    header = as_cbor({"roots": [cid_of(commit)], "version": 1})
    blocks = [cid_of(commit) + commit, cid_of(b"other") + node, cid_of(b"one") + other]
    data = b"".join(varint(len(piece)) + piece for piece in (header, *blocks))
    assert texts(tmp_path / "repo.car", data) == {}


WHOLE = as_car(DID, {f"{POST}/3ka": post("tea")})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (WHOLE[:-5], "ends in the middle: export or copy it again."),
        (WHOLE + b"\xff" * 20, "is damaged: a length in it has no end. Export it again."),
        (WHOLE + b"\xff\xff\xff\x7f", "has a block of more than 4 MB: it is no repository."),
        (as_blocks(cid_of(b"a"), []), "is no repository of an account: export it again."),
        (
            as_blocks(cid_of(b"a"), [b"\xa2ae\x9fal\xf6"]),
            "has a block that cannot be read (a length has no end)",
        ),
    ],
)
def test_a_damaged_repository_is_refused_with_its_reason(data: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        texts(tmp_path / "repo.car", data)
    assert str(caught.value).startswith(f"{tmp_path / 'repo.car'} {reason}")


def test_a_tree_of_too_many_nodes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "_NODES", 1)
    with pytest.raises(UserError, match="has a tree of more than 1 nodes: it is no repository"):
        texts(tmp_path / "repo.car", WHOLE)


def test_equal_posts_are_told_apart_by_their_keys(tmp_path: Path) -> None:
    data = as_car(DID, {f"{POST}/{key}": post("yes") for key in ("3ka", "3kb")})
    assert texts(tmp_path / "repo.car", data) == {"3ka": "yes", "3kb": "yes"}


def facet(start: object, end: object, uri: object = "https://a.example/long") -> dict[str, Any]:
    feature = {"$type": "app.bsky.richtext.facet#link", "uri": uri}
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}


@pytest.mark.parametrize(
    ("facets", "text"),
    [
        ([facet(4, 10)], "☕ https://a.example/long b"),
        ([facet(4, 10), facet(5, 7)], "☕ https://a.example/long b"),
        ([facet(4, 900)], "☕ a.b… b"),
        ([facet(-1, 4)], "☕ a.b… b"),
        ([facet("4", None)], "☕ a.b… b"),
        ([facet(4, 10, 7)], "☕ a.b… b"),
        ([None, 7, {"index": [], "features": 5}], "☕ a.b… b"),
        (7, "☕ a.b… b"),
    ],
)
def test_a_link_is_written_out(facets: Any, text: str) -> None:
    assert written_out("☕ a.b… b", facets) == text
