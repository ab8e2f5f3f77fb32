"""A GGUF file that was damaged anywhere is refused in a sentence, or its whole model lies in the file."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.engine.checkpoint.gguf.gguf_file import open_gguf
from bot.engine.tokenizer.gguf_tokenizer import read_gguf_tokenizer
from bot.errors import UserError
from tests.bot.engine.checkpoint.gguf.variants import make_model
from tests.fakes.gguf_models import write_model

EXTREMES = (b"\0" * 8, b"\xff" * 8, b"\xff" * 7 + b"\x7f", (1 << 40).to_bytes(8, "little"), b"\0\0\xc0\x7f")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a tiny model with a tokenizer; every kind of value is in its header."""

    def add(writer: object) -> None:
        tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(64)), *"abcdefgh"]
        writer.add_tokenizer_model("llama")  # type: ignore[attr-defined]
        writer.add_token_list(tokens)  # type: ignore[attr-defined]
        writer.add_token_types([2, 3, 3, *[6] * 64, *[1] * 8])  # type: ignore[attr-defined]
        writer.add_token_scores([-float(id) for id in range(len(tokens))])  # type: ignore[attr-defined]
        writer.add_add_bos_token(True)  # type: ignore[attr-defined]
        writer.add_chat_template("{{ messages }}")  # type: ignore[attr-defined]

    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    return write_model(path, make_model("gemma3"), add).read_bytes()


def refused_or_whole(file: Path, content: bytes) -> bool:
    """Read a file; return whether it was refused. Whatever else happens is an error."""
    file.write_bytes(content)
    try:
        opened = open_gguf(file)
        read_gguf_tokenizer(opened.vocabulary)
    except UserError:
        return True
    assert opened.bytes <= len(content)
    assert len(opened.tensors) == 2 + 13 * 7
    for tensor in opened.tensors.values():
        tensor.numbers()
    return False


def test_the_whole_file_is_read(whole: bytes, tmp_path: Path) -> None:
    assert not refused_or_whole(tmp_path / "model.gguf", whole)


def test_two_hundred_mutations_are_refused_or_read(whole: bytes, tmp_path: Path) -> None:
    chance, refused = random.Random(21), 0
    header = whole.rindex(b"output_norm.weight") + 64
    for _ in range(200):
        mutated = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(header)
            value = chance.choice([*EXTREMES, chance.randbytes(chance.randint(1, 8))])
            mutated[at : at + len(value)] = value
        if chance.random() < 0.2:
            del mutated[chance.randrange(len(mutated)) :]
        refused += refused_or_whole(tmp_path / "model.gguf", bytes(mutated))
    assert 100 < refused < 200


def test_a_file_with_any_bytes_replaced_is_refused_or_read(whole: bytes, tmp_path: Path) -> None:
    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 20_000), st.binary(min_size=1, max_size=16), st.integers(0, 20_000))
    def check(at: int, value: bytes, kept: int) -> None:
        content = whole[:at] + value + whole[at + len(value) :]
        refused_or_whole(tmp_path / "model.gguf", content if kept > 10_000 else content[:kept])

    check()


def test_bytes_of_no_file_are_refused(tmp_path: Path) -> None:
    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=200), st.sampled_from([b"", b"GGUF\x03\0\0\0", b"GGUF\x02\0\0\0"]))
    def check(content: bytes, magic: bytes) -> None:
        assert refused_or_whole(tmp_path / "model.gguf", magic + content)

    check()
