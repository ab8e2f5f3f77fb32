"""Damaged inputs: a hypothesis strategy that edits seeds, so that a failing input shrinks to few edits."""

import re
from collections.abc import Callable, Sequence
from functools import reduce

from hypothesis import strategies as st

Edit = Callable[[bytes], bytes]

_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null')
_STRANGE = (
    b"null", b"true", b"-1", b"7.5", b'""', b'"text"', b"[]", b"{}", b"[[]]", b'{"a": [1]}',
    b"1e400", b"NaN", b"9" * 5000, b"9" * 25, b"-99999999999", b'"\\ud800"', b'"\\u0000"',
    b'"' + b"A" * 70_000 + b'"', b"[" * 3000, b'{"a":' * 3000, b'"{{char}}{{random:a,b}}"',
    b'"{% for a in range(9) %}{{ a }}{% endfor %}"',
)  # fmt: skip
_PIECES = (
    b"\x00", b"\xff", b"\xef\xbb\xbf", b'"', b"\\", b"{", b"]", b",", b"\n", b"\r", b"\xed\xa0\x80",
    b"{{", b"}}", b"{%", b"%}", b"<|im_end|>", b"\xe2\x80\xae", b"\x1b]52;c;",
    "é\u0301".encode() * 40, b"[" * 500, b"\xff" * 8, (1 << 62).to_bytes(8, "little"),
    (1 << 31).to_bytes(4, "little"),
)  # fmt: skip


def _cut(at: float) -> Edit:
    return lambda data: data[: int(at * len(data))]


def _insert(at: float, piece: bytes) -> Edit:
    return lambda data: data[: int(at * len(data))] + piece + data[int(at * len(data)) :]


def _overwrite(at: float, piece: bytes) -> Edit:
    return lambda data: data[: int(at * len(data))] + piece + data[int(at * len(data)) + len(piece) :]


def _remove(at: float, length: int) -> Edit:
    return lambda data: data[: int(at * len(data))] + data[int(at * len(data)) + length :]


def _repeat(at: float, length: int, times: int) -> Edit:
    def edit(data: bytes) -> bytes:
        start = int(at * len(data))
        return data[:start] + data[start : start + length] * times + data[start + length :]

    return edit


def _swap(at: float, value: bytes) -> Edit:
    """Replace one value or key of JSON by a strange value."""

    def edit(data: bytes) -> bytes:
        found = list(_VALUE.finditer(data[:200_000]))
        if not found:
            return data
        one = found[int(at * len(found))]
        return data[: one.start()] + value + data[one.end() :]

    return edit


_AT = st.floats(0, 1, exclude_max=True)
_EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(_swap, _AT, st.sampled_from(_STRANGE)),
    st.builds(_insert, _AT, st.sampled_from(_PIECES) | st.binary(max_size=16)),
    st.builds(_overwrite, _AT, st.sampled_from(_PIECES) | st.binary(max_size=16)),
    st.builds(_remove, _AT, st.integers(1, 100)),
    st.builds(_repeat, _AT, st.integers(1, 200), st.integers(2, 50)),
    st.builds(_cut, _AT),
)


def damaged(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return a strategy for one of the seeds with no edit or up to six."""
    return st.builds(
        lambda seed, edits: reduce(lambda data, edit: edit(data), edits, seed),
        st.sampled_from(seeds),
        st.lists(_EDITS, max_size=6),
    )
