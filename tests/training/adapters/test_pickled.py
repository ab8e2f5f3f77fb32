"""Files of torch.save are read without unpickling: numbers, shared objects and notes of trainers in them."""

import pickle
import sys
import types
import zipfile
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.untrusted import RefusedFile
from training.adapters.pickle_names import is_known
from training.adapters.pickled import read_pickled

ONE, TWO = torch.arange(6.0).reshape(2, 3), torch.arange(4, dtype=torch.int64)


def written(folder: Path, value: Any, **options: Any) -> Path:
    torch.save(value, folder / "a.bin", **options)
    return folder / "a.bin"


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one
    )


@pytest.fixture
def history() -> Iterator[type]:
    """A class of mmengine, as its checkpoints hold it: making one would fail the test."""
    module = types.ModuleType("mmengine.logging.history_buffer")

    class HistoryBuffer:
        def __init__(self) -> None:
            self.values = np.arange(3.0)

        def __setstate__(self, state: object) -> None:
            raise AssertionError("it was unpickled")

    HistoryBuffer.__module__, HistoryBuffer.__qualname__ = module.__name__, "HistoryBuffer"
    module.HistoryBuffer = HistoryBuffer  # type: ignore[attr-defined]
    names = ["mmengine", "mmengine.logging", module.__name__]
    sys.modules.update({name: types.ModuleType(name) for name in names[:2]} | {module.__name__: module})
    yield HistoryBuffer
    for name in names:
        del sys.modules[name]


TABLES: dict[str, Callable[[], Any]] = {
    "a table": lambda: {"one": ONE, "two": TWO},
    "an ordered one": lambda: OrderedDict(one=ONE, two=TWO),
    "numbers beside tensors": lambda: {"one": ONE, "two": TWO, "epoch": 3, "loss": 2.5, "huge": 1 << 80},
    "parameters": lambda: {"one": torch.nn.Parameter(ONE), "two": TWO},
    "a transposed tensor": lambda: {"one": ONE.T.contiguous().T, "two": TWO},
    "DeepSpeed's": lambda: {"module": {"one": ONE, "two": TWO}, "dp_world_size": 1, "shapes": [ONE.shape]},
    "options of a trainer": lambda: {"state_dict": {"one": ONE, "two": TWO}, "args": Namespace(rate=0.1)},
    "sets and dates": lambda: {"one": ONE, "two": TWO, "seen": {1, 2}, "kept": frozenset("ab")},
    "a table by numbers beside": lambda: {"one": ONE, "two": TWO, "state": {0: {"step": 1}, (1, 2): 3}},
}


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", TABLES)
def test_the_tensors_of_a_table_are_read(kind: str, protocol: int, tmp_path: Path) -> None:
    path = written(tmp_path, TABLES[kind](), pickle_protocol=protocol)
    assert same(read_pickled(path)[0], {"one": ONE, "two": TWO})


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_checkpoint_of_mmengine_is_read_with_its_settings(
    protocol: int, history: type, tmp_path: Path
) -> None:
    held = {
        "meta": {"cfg": "lora_alpha=16", "epoch": 1, "time": "now"},
        "state_dict": OrderedDict(one=ONE, two=TWO),
        "message_hub": {"scalars": {"loss": history()}, "seen": np.float64(2)},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(9)}}},
    }
    tensors, table = read_pickled(written(tmp_path, held, pickle_protocol=protocol))
    assert same(tensors, {"one": ONE, "two": TWO})
    assert table.settings == "lora_alpha=16"


def test_shared_numbers_are_read_once(tmp_path: Path) -> None:
    found, _ = read_pickled(written(tmp_path, {"one": ONE, "again": ONE, "row": ONE[1]}))
    assert same(found, {"one": ONE, "again": ONE, "row": ONE[1]})
    assert found["one"] is found["again"]


def test_names_without_end_for_the_same_numbers_are_refused(tmp_path: Path) -> None:
    big = torch.zeros(1 << 16)
    with pytest.raises(RefusedFile, match="unpacks to more than it is"):
        read_pickled(written(tmp_path, {f"{at}": big for at in range(9)}))
    with pytest.raises(RefusedFile, match="unpacks to more than it is"):
        read_pickled(written(tmp_path, {f"{at}": big[at :: 1 << 15] for at in range(9)}))


@pytest.mark.parametrize(
    "value",
    [
        {"one": ONE.expand(4, 2, 3)},
        {"one": torch.zeros(1).expand(1 << 20)},
        [ONE],
        {"epoch": 3},
        {3: ONE},
        ONE,
    ],
)
def test_what_is_no_table_of_whole_tensors_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(RefusedFile, match=r"a\.bin is not a table of plain tensors"):
        read_pickled(written(tmp_path, value))


@pytest.mark.parametrize("name", ["os system", "posix system", "builtins eval", "torch load", "numpyx array"])
def test_a_name_that_trainers_do_not_note_is_unknown(name: str) -> None:
    assert not is_known(name)


NESTED = b"X\x01\0\0\0aq\x00" + b"0h\x00h\x00\x86q\x00" * 60  # a tuple of two tuples, 60 levels deep
BOMBS = {
    "a name of 2^60 texts": NESTED + NESTED + b"\x93.",
    "a storage of 2^60 texts": b"(X\x07\0\0\0storagectorch\nFloatStorage\n" + NESTED + b"NK\x01tQ.",
    "a size of a million digits": b"ctorch._utils\n_rebuild_tensor_v2\n("
    b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000NK\x01tQK\x00"
    b"(" + (b"\x8b\x00\x00\x10\x00" + b"\x7f" * (1 << 20)) * 8 + b"tq\x01h\x01tR.",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_values_without_end_are_refused_before_they_are_computed(kind: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.bin", "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02" + BOMBS[kind])
    with pytest.raises(RefusedFile, match="holds more than tensors, or is damaged"):
        read_pickled(tmp_path / "a.bin")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner) | st.sets(st.integers())
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    notes=st.dictionaries(st.text().filter(lambda name: name != "one"), VALUES), protocol=st.integers(2, 5)
)
def test_any_plain_values_may_stand_beside_tensors(
    notes: dict[str, Any], protocol: int, tmp_path: Path
) -> None:
    path = written(tmp_path, {**notes, "one": ONE}, pickle_protocol=protocol)
    assert same(read_pickled(path)[0], {"one": ONE})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=60)
    | st.lists(st.sampled_from([*map(bytes, zip(b"}()]K.Rsuetq0a"))])).map(b"".join)
)
def test_any_bytes_are_read_or_refused(content: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.bin", "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02" + content)
    with suppress(RefusedFile):
        read_pickled(tmp_path / "a.bin")
