"""JsonReader gives the values of a whole decode, for every layout and every end of a chunk."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec import Struct

from bot.errors import UserError
from training.importers.reading import decoding, json_stream, source
from training.importers.reading.json_scanner import TruncatedJson
from training.importers.reading.json_stream import JsonReader
from training.importers.reading.source import Source

LAYOUTS: list[dict[str, Any]] = [
    {"indent": 1},
    {"indent": 2},
    {"indent": "\t"},
    {"separators": (",", ":")},
    {},
    {"indent": 0, "ensure_ascii": False},
]
TEXTS = some.text() | some.sampled_from(
    ["},{", '"}, {"', "\n  },\n  {", "]}", "\\", '\\"', "{", "[[", '{"id":1},{"id":2}']
)
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
ELEMENTS = some.lists(
    some.dictionaries(some.sampled_from(["id", "text", "deep"]) | TEXTS, VALUES, max_size=4)
)


def of(text: str | bytes) -> Source:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return Source("file.json", "", len(data), lambda: io.BytesIO(data))


@pytest.fixture(params=[1, 7, 64, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    size: int = request.param
    monkeypatch.setattr(source, "CHUNK", size)
    monkeypatch.setattr(json_stream, "CHUNK", size)
    return size


@settings(max_examples=40)
@given(elements=ELEMENTS, layout=some.sampled_from(LAYOUTS), size=some.sampled_from([1, 7, 64, 1 << 20]))
def test_elements_are_those_of_a_whole_decode(elements: list[Any], layout: dict[str, Any], size: int) -> None:
    text = json.dumps({"before": elements[:2], "messages": elements, "after": 1}, **layout)
    document, found = JsonReader(of(text)), list[Any]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "CHUNK", size)
        patch.setattr(json_stream, "CHUNK", size)
        for key in document.members():
            if key == "messages":
                found = list(document.elements(dict[str, Any]))
    assert found == elements
    assert document.at_end()


class Numbered(Struct):
    id: int
    text: str = ""


def test_unread_values_are_skipped_however_deep(chunk: int) -> None:
    text = json.dumps({"a": [{"b": ["]", "}", {"c": '"'}]}] * 20, "d": 7, "e": "x" * 99, "f": -1.5})
    document = JsonReader(of(text))
    assert {key: document.value(int) for key in document.members() if key == "d"} == {"d": 7}


def test_items_that_are_not_read_are_skipped(chunk: int) -> None:
    document = JsonReader(of('[{"a": 1}, [2, {"b": "]"}], "3", 4, null]'))
    assert list(document.items()) == [0, 1, 2, 3, 4]


def test_an_element_of_another_kind_is_counted_and_left_out(chunk: int) -> None:
    document = JsonReader(of('[{"id": 1}, {"id": "two"}, {"text": "three"}, 4, {"id": 5}]'))
    assert ([each.id for each in document.elements(Numbered)], document.unreadable) == ([1, 5], 3)


def test_one_wrong_element_among_many_costs_only_itself() -> None:
    rows = [{"id": number if number != 700 else "x", "text": "word " * 20} for number in range(30_000)]
    document = JsonReader(of(json.dumps(rows, indent=1)))
    assert (sum(1 for _ in document.elements(Numbered)), document.unreadable) == (29_999, 1)


def test_a_border_inside_of_a_string_or_a_deeper_array_is_no_border(chunk: int) -> None:
    rows = [{"id": number, "text": '"},{"id":9', "in": [{"id": 1}, {"id": 2}]} for number in range(50)]
    document = JsonReader(of(json.dumps(rows, separators=(",", ":"))))
    assert [each.id for each in document.elements(Numbered)] == list(range(50))


def numbers(document: JsonReader) -> list[int]:
    """The ids in `messages`."""
    found: list[int] = []
    for key in document.members():
        if key == "messages":
            found += [each.id for each in document.elements(Numbered)]
    return found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "ends in the middle"),
        (b'{"messages": [{"id": 1}, {"id"', "ends in the middle"),
        (b'{"messages": [{"id": 1},', "ends in the middle"),
        (b'{"messages": [{"id": 1} {"id": 2}]}', "a comma is missing"),
        (b'{"messages": [{"id": 1}]', "ends in the middle"),
        (b'{"messages": {"id": 1}}', "[ is missing, { stands there"),
        (b'{"messages": [{"id": 1, "text": "a\nb"}]}', "in line 1, column 35 ("),
        (b'{"messages": [{"id": 1, "text": "\xff"}]}', "it is not UTF-8 text"),
        (b'{"messages": [{"id": NaN}]}', "invalid character"),
        (b'{"messages": [' + b"[" * 100_000 + b"]}", "nested more than 128 deep"),
        (b'{"messages": [{"id": 1, "x": ' + b'{"a":' * 100_000 + b"]}", "nested more than 128 deep"),
        (b"[" * 100_000, "{ is missing"),
        (b'{"messages" [1]}', ": is missing"),
        (b"{messages: [1]}", "in line 1, column 2 ("),
    ],
)
def test_broken_json_is_refused_with_file_and_reason(text: bytes, reason: str) -> None:
    with pytest.raises(UserError, match=r"^file\.json ") as caught:
        numbers(JsonReader(of(text)))
    assert reason in str(caught.value)


def test_truncated_json_is_told_from_broken_json() -> None:
    with pytest.raises(TruncatedJson):
        list(JsonReader(of('[{"id": 1}, {"id": 2')).elements(Numbered))
    with pytest.raises(UserError) as caught:
        list(JsonReader(of('[{"id": 1}, {"id": 2]]')).elements(Numbered))
    assert not isinstance(caught.value, TruncatedJson)


def test_elements_before_the_cut_come_first() -> None:
    elements = JsonReader(of('[{"id": 1}, {"id": 2}, {"id": 3')).elements(Numbered)
    assert [next(elements).id, next(elements).id] == [1, 2]


def test_arrays_of_one_layout_behind_each_other_are_kept_apart(chunk: int) -> None:
    text = json.dumps([{"messages": [{"id": 10 * at + of} for of in range(at)]} for at in range(9)], indent=1)
    document = JsonReader(of(text))
    found = [numbers(document) for _ in document.items()]
    assert found == [[10 * at + of for of in range(at)] for at in range(9)]


def test_a_fault_in_a_later_chunk_is_told_with_its_line_and_column() -> None:
    lines = b",\n".join(b'{"id": %d, "text": "\xc3\xa9"}' % number for number in range(20_000))
    text = b'{"messages": [\n' + lines + b',\n{"id": 1, "text": "\xc3\xa9" "x"}]}'
    with pytest.raises(UserError, match=r"in line 20,002, column 23 \("):
        numbers(JsonReader(of(text)))


def test_lines_name_the_one_that_is_broken() -> None:
    with pytest.raises(UserError, match=r"^file\.json, line 3, column 8, cannot be read"):
        list(decoding.read_json_lines(of('{"id": 1}\n\n{"id": }\n'), Numbered))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_marks_of_an_encoding_are_understood(encoding: str) -> None:
    text = '[{"id": 1, "text": "灯 🙂"}]'
    data = b"\xfe\xff" + text.encode(encoding) if encoding == "utf-16-be" else text.encode(encoding)
    assert [each.text for each in JsonReader(of(data)).elements(Numbered)] == ["灯 🙂"]


class CountingReader(JsonReader):
    """Counts the bytes that are searched for a border between elements."""

    searched = 0

    def _last_border(self, border: bytes) -> int:
        self.searched += len(self._buffer) - self._at
        return super()._last_border(border)


@pytest.mark.parametrize("first", [b'{"a": 1\n}', b'{"a": 1}', b'{"a": "},{"}'])
def test_elements_of_another_layout_than_the_first_are_searched_for_a_border_once(first: bytes) -> None:
    data = b"[" + first + b"," + b'{"b":1},' * 20_000 + b"{}]"
    reader = CountingReader(Source("x", "", len(data), lambda: io.BytesIO(data)))
    assert sum(1 for _ in reader.elements(dict)) == 20_002
    assert reader.searched < 8 * len(data)
