"""The header of a model in a GGUF file."""

from pathlib import Path

from bot.engine.checkpoint.families import standing_of
from bot.engine.checkpoint.gguf.cursor import BrokenGguf
from bot.engine.checkpoint.gguf.header import damaged_gguf, read_gguf_header
from bot.engine.checkpoint.gguf.metadata import Metadata
from bot.engine.checkpoint.gguf.parts import GgufParts, open_parts
from bot.engine.checkpoint.model_header import EMBEDDINGS, HEADS, ModelHeader, numbers_of
from bot.errors import UserError
from bot.untrusted import RefusedFile

# kinds of files by `general.file_type`, as llama.cpp's llama_ftype numbers them
FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0",
    37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip


def read_gguf_model(path: Path) -> ModelHeader:
    """Read the header of a GGUF file; raises `UserError` for a file that is none, or not whole."""
    header = read_gguf_header(path)
    try:
        parts = open_parts(path, header)
        return _described(header.metadata, parts)
    except BrokenGguf as error:
        raise damaged_gguf(path, error) from None
    except RefusedFile as refusal:
        raise UserError(f"{path} cannot be loaded: {refusal.reason}; {refusal.remedy}.") from None


def _described(metadata: Metadata, parts: GgufParts) -> ModelHeader:
    family = metadata.get_text("general.architecture") or ""
    standing, fault = standing_of(family, is_gguf=True)
    if other := _other_fault(metadata, parts, family):
        standing, fault = "refused", fault or other

    def count(key: str) -> int:
        return _count(metadata, f"{family}.{key}")

    numbers = {name: tensor.columns * tensor.rows for name, tensor in parts.entries.items()}
    heads, hidden = count("attention.head_count"), count("embedding_length")
    table = parts.entries.get("token_embd.weight")
    return ModelHeader(
        family=family,
        standing=standing,
        fault=fault,
        bits=_bits_of(metadata, parts),
        parameters=sum(numbers.values()),
        bytes=sum(map(len, {id(each): each for each in parts.contents.values()}.values())),
        layers=count("block_count"),
        hidden=hidden,
        intermediate=count("feed_forward_length"),
        heads=heads,
        kv_heads=count("attention.head_count_kv") or heads,
        head_size=count("attention.key_length") or hidden // max(1, heads),
        vocabulary=count("vocab_size") or (table.rows if table else 0),
        context=count("context_length"),
        table=numbers_of(numbers, EMBEDDINGS),
        head=numbers_of(numbers, HEADS),
        is_scored=bool(metadata.get_number(f"{family}.attn_logit_softcapping")),
        is_gguf=True,
    )


def _count(metadata: Metadata, key: str) -> int:
    """Return a count, of a list that has one for each layer the largest; 0 for none."""
    if metadata.is_array(key):
        numbers = metadata.get_numbers(key)
        return 0 if numbers is None or not len(numbers) else max(0, int(numbers.max()))
    return metadata.get_whole(key) or 0


def _other_fault(metadata: Metadata, parts: GgufParts, family: str) -> str:
    """Return why a file of a served family is not served."""
    if metadata.get_whole(f"{family}.expert_count"):
        return "it is a mixture of experts"
    return "" if parts.entries else "it holds no weights"


def _bits_of(metadata: Metadata, parts: GgufParts) -> str:
    """Return the type that the file names, or the one of most of its bytes."""
    named = metadata.get_whole("general.file_type")
    if named in FILE_TYPES:
        return FILE_TYPES[named]
    sizes: dict[str, int] = {}
    for tensor in parts.entries.values():
        sizes[tensor.type.name] = sizes.get(tensor.type.name, 0) + tensor.bytes
    return max(sizes, key=lambda kind: sizes[kind], default="?")
