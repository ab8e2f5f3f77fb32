"""XML is read tag by tag: nothing is declared or opened, and what is not wanted is not kept."""

import io
import tracemalloc

import pytest

from bot.errors import UserError
from training.importers.reading.source import Source
from training.importers.reading.xml_tags import Tag, read_tags, unescape_xml

PICTURE = b"A" * (32 << 20)


def source(data: bytes) -> Source:
    return Source("a.xml", "", len(data), lambda: io.BytesIO(data))


class Slow(io.BytesIO):
    """A file that gives a byte at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(1, size or 0))


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("<a/>", [Tag("a", {}, True, True)]),
        ("<a b='1' c=\"2\">x</a>", [Tag("a", {"b": "1", "c": "2"}, True, False), Tag("a", {}, False, True)]),
        ("<a b = '>' />", [Tag("a", {"b": ">"}, True, True)]),
        ("<a b='say \"no\"'/>", [Tag("a", {"b": 'say "no"'}, True, True)]),
        ("<?xml version='1.0'?><!-- <b> it's --><a/>", [Tag("a", {}, True, True)]),
        ("<![CDATA[<b>]]><a/>", [Tag("a", {}, True, True)]),
        ("<a data='<b>&lt;' b='1'/>", [Tag("a", {"b": "1"}, True, True)]),
        ("no tag", []),
    ],
)
def test_a_text_has_these_tags(text: str, tags: list[Tag]) -> None:
    data = text.encode()
    in_pieces = Source("a.xml", "", len(data), lambda: Slow(data))
    for each in (source(data), in_pieces):
        assert list(read_tags(each, frozenset(("data",)))) == tags


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("&lt;&amp;&gt;&quot;&apos;", "<&>\"'"),
        ("&#10;&#x41;", "\nA"),
        ("&#55357;&#56838;", "😆"),
        ("&#xD83D;&#xDE06; &#128518;", "😆 😆"),
        ("&#55357; alone", "\ufffd alone"),
        ("&#56838;&#55357;", "\ufffd\ufffd"),
        ("&#0;&#1114112;&#9999999;", "\ufffd\ufffd\ufffd"),
        ("&bomb; &#; & &#x;", "&bomb; &#; & &#x;"),
    ],
)
def test_references_are_replaced(value: str, text: str) -> None:
    assert unescape_xml(value) == text


def test_halves_of_a_pair_that_are_written_as_characters_are_joined() -> None:
    (tag,) = read_tags(source(b'<a b="\xed\xa0\xbd\xed\xb8\x86"/>'))
    assert tag.attributes == {"b": "😆"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', "declares a document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "declares a document type"),
        (b"<!ELEMENT a>", "declares a document type"),
        (b'<a b="1', "it ends in the middle"),
        (b"<a ", "it ends in the middle"),
        (b"<!-- a", "it ends in the middle"),
        (b'<a "1"/>', "a tag has no end"),
        (b"< >", "a tag has no name"),
        (b'<a b="\xff"/>', "it is not UTF-8 text"),
        (b'<a b="' + b"c" * (9 << 20) + b'"/>', "a tag has no end"),
        (b"<a " + b"b='' " * 2000 + b"/>", ""),
        (b"<a " + b"".join(b"b%d='' " % at for at in range(2000)) + b"/>", "a tag has no end"),
    ],
)
def test_what_is_no_backup_is_a_sentence(data: bytes, reason: str) -> None:
    if not reason:
        assert len(list(read_tags(source(data)))) == 1
        return
    with pytest.raises(UserError, match=f"^a\\.xml .*{reason}"):
        list(read_tags(source(data)))


def test_a_picture_is_not_kept() -> None:
    data = b'<a b="1" data="' + PICTURE + b'" c="2"/>'
    whole = source(data)
    tracemalloc.start()
    try:
        (tag,) = read_tags(whole, frozenset(("data",)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tag.attributes, peak < 1 << 20) == ({"b": "1", "c": "2"}, True)
