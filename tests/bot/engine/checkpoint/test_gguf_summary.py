"""A GGUF header is read without its arrays; a damaged one is refused in a sentence, in bounded time."""

import struct
from contextlib import suppress
from pathlib import Path

import gguf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.checkpoint.gguf_summary import FILE_TYPES, TENSOR_TYPES, read_gguf_summary
from bot.errors import UserError
from tests.bot.engine.model_loader.test_gguf_header import BROKEN
from tests.fakes.gguf_files import write_gguf


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "a.gguf").read_bytes()


def test_the_summary_is_what_gguf_reads(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "a.gguf", has_head=True)
    reader, summary = gguf.GGUFReader(path), read_gguf_summary(path)
    assert summary.data_start == reader.data_offset
    assert [(one.name, one.shape, one.type, one.bytes) for one in summary.tensors] == [
        (one.name, tuple(map(int, one.shape)), int(one.tensor_type), int(one.n_bytes))
        for one in reader.tensors
    ]
    assert summary.fields["general.architecture"] == "llama"
    assert summary.fields["llama.embedding_length"] == 64
    assert summary.fields["tokenizer.ggml.tokens[]"] == 32
    assert summary.is_whole


def test_types_are_those_of_gguf() -> None:
    kinds = gguf.GGMLQuantizationType
    known = {number: (kinds(number).name, *gguf.GGML_QUANT_SIZES[kinds(number)]) for number in TENSOR_TYPES}
    assert known == TENSOR_TYPES
    names = {one.value: one.name.removeprefix("MOSTLY_").removeprefix("ALL_") for one in gguf.LlamaFileType}
    assert {number: names[number].removesuffix("_MOE") for number in FILE_TYPES} == FILE_TYPES


@pytest.mark.parametrize("name", BROKEN)
def test_a_header_that_claims_too_much_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(BROKEN[name])
    with pytest.raises(UserError, match=r"is no whole GGUF file \(.*\): copy or download it again"):
        read_gguf_summary(tmp_path / "a.gguf")


def test_a_header_cut_anywhere_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    end = content.index(b"blk.1.attn_norm.weight") + 22 + 4 + 8 + 4
    for length in range(0, end, 7):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match="is no whole GGUF file"):
            read_gguf_summary(path)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_header_is_read_or_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.gguf"
    write_gguf(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(4, 900))
        content[at : at + 8] = data.draw(st.sampled_from([b"\xff" * 8, bytes(8), struct.pack("<Q", 1 << 40)]))
    path.write_bytes(content)
    with suppress(UserError):
        read_gguf_summary(path)
