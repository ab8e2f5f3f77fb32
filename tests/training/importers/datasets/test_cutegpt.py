"""CuteGPT's pickled data sets: their reader can build lists, dictionaries and strings, and nothing else."""

import io
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.errors import UserError
from training.importers import registry
from training.importers.datasets.cutegpt import unpack

SET = [
    [
        {"instruction": "问候", "input": "", "output": "你好"},
        {"instruction": "再", "input": "一次", "output": "好"},
    ],
    [{"instruction": "Alone", "input": "", "output": "Here."}],
]
PLAIN = some.recursive(
    some.text(), lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner), max_leaves=20
)


class Canary:
    """Something that does harm while it is unpickled by Python's own reader."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_set_of_any_protocol_is_read(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "set.pkl"
    path.write_bytes(pickle.dumps(SET, protocol))
    turns = ["问候", "你好", "再\n一次", "好", "Alone", "Here."]
    assert [said.text for said in registry.read_exports(path)] == turns


@given(value=PLAIN, protocol=some.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_come_out_as_they_went_in(value: Any, protocol: int) -> None:
    apart = pickle.loads(pickle.dumps(value))  # nothing of it stands in two places
    written = io.BytesIO()
    pickler = pickle.Pickler(written, protocol)
    pickler.dump(apart)
    assert unpack(written.getvalue()) == apart


@pytest.mark.parametrize("ending", ["pkl", "pt", "bin", "json", "jsonl", "csv", "txt", "zip", "js", "gz", ""])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_in_a_pickle_is_run_whatever_the_file_is_called(
    ending: str, protocol: int, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / f"set.{ending}"
    path.write_bytes(pickle.dumps([*SET, Canary(canary)], protocol))
    with pytest.raises(UserError):
        list(registry.read_exports(path))
    assert not canary.exists()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a class of the system", b"\x80\x04cos\nsystem\n."),
        ("a class by its name on the stack", pickle.dumps(os.mkdir, 4)),
        ("an instance", b"\x80\x02(ios\nsystem\n."),
        ("an object to build", b"\x80\x02]b."),
        ("a persistent id", b"\x80\x02Pid\n."),
        ("a number of an extension", b"\x80\x02\x82\x01."),
        ("a tuple", pickle.dumps(("a",))),
        ("a set", pickle.dumps({"a"})),
        ("bytes", pickle.dumps(b"a")),
        ("a number", pickle.dumps([7])),
        ("a buffer", pickle.dumps([bytearray(b"a")], 5)),
        ("no end", pickle.dumps(SET)[:-1]),
        ("half", pickle.dumps(SET)[:60]),
        ("an empty stack", b"\x80\x02."),
        ("a mark too few", b"\x80\x02]e."),
        ("an unknown memory", b"\x80\x02h\x09."),
        ("a length beyond the end", b"\x80\x02X\xff\xff\xff\x7fabc."),
        ("a length beyond all memory", b"\x80\x04\x8d" + b"\xff" * 8 + b"abc."),
        ("an odd number of items", b"\x80\x02}(X\x01\x00\x00\x00au."),
        ("a list as a key", b"\x80\x02}(]X\x01\x00\x00\x00au."),
        ("a list that holds itself", b"\x80\x02]q\x00h\x00a."),
        ("a list in two places", b"\x80\x02]q\x00]q\x01(h\x01h\x01eh\x00a."),
    ],
)
def test_what_is_more_than_lists_and_strings_is_refused(name: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "set.pkl"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"set\.pkl"):
        list(registry.read_exports(path))


def test_half_a_character_in_a_pickle_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "set.pkl"
    path.write_bytes(pickle.dumps([[{"instruction": "a\ud800b", "input": "", "output": "c"}]]))
    assert [said.text for said in registry.read_exports(path)] == ["a?b", "c"]
