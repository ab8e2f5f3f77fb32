"""The header of a model in a GGUF file."""

from pathlib import Path

from bot.engine.checkpoint.families import standing_of
from bot.engine.checkpoint.gguf_summary import FILE_TYPES, TENSOR_TYPES, GgufSummary, read_gguf_summary
from bot.engine.checkpoint.model_header import EMBEDDINGS, HEADS, ModelHeader, count_of, numbers_of


def read_gguf_model(path: Path) -> ModelHeader:
    """Read the header of a GGUF file; raises `UserError` for a file that is none."""
    summary = read_gguf_summary(path)
    fields = summary.fields
    family = str(fields.get("general.architecture", ""))
    standing, fault = standing_of(family, is_gguf=True)
    if other := _other_fault(summary, family):
        standing, fault = "refused", fault or other
    sizes = {key.removeprefix(f"{family}."): value for key, value in fields.items()}
    numbers = {tensor.name: tensor.numbers for tensor in summary.tensors}
    heads = count_of(sizes, "attention.head_count")
    hidden = count_of(sizes, "embedding_length")
    return ModelHeader(
        family=family,
        standing=standing,
        fault=fault,
        bits=_bits_of(summary),
        parameters=sum(numbers.values()),
        bytes=summary.size,
        layers=count_of(sizes, "block_count"),
        hidden=hidden,
        intermediate=count_of(sizes, "feed_forward_length"),
        heads=heads,
        kv_heads=count_of(sizes, "attention.head_count_kv") or heads,
        head_size=count_of(sizes, "attention.key_length") or hidden // max(1, heads),
        vocabulary=count_of(sizes, "vocab_size", "tokenizer.ggml.tokens[]"),
        context=count_of(sizes, "context_length"),
        table=numbers_of(numbers, EMBEDDINGS),
        head=numbers_of(numbers, HEADS),
        is_scored=bool(fields.get(f"{family}.attn_logit_softcapping")),
        is_gguf=True,
    )


def _other_fault(summary: GgufSummary, family: str) -> str:
    """Return why a file of a served family is not served."""
    parts = summary.fields.get("split.count", 0)
    if isinstance(parts, int) and parts > 1:
        return f"it is one of {parts} parts: join them with llama.cpp's llama-gguf-split --merge"
    experts = summary.fields.get(f"{family}.expert_count", 0)
    if isinstance(experts, int) and experts > 0:
        return "it is a mixture of experts"
    if unknown := {one.type for one in summary.tensors} - TENSOR_TYPES.keys():
        return f"its weights are of an unknown type ({min(unknown)})"
    if not summary.tensors:
        return "it holds no weights"
    return "" if summary.is_whole else "it is cut off: copy or download it again"


def _bits_of(summary: GgufSummary) -> str:
    """Return the type that the file names, or the one of most of its bytes."""
    named = summary.fields.get("general.file_type")
    if isinstance(named, int) and named in FILE_TYPES:
        return FILE_TYPES[named]
    sizes: dict[int, int] = {}
    for tensor in summary.tensors:
        sizes[tensor.type] = sizes.get(tensor.type, 0) + tensor.bytes
    return TENSOR_TYPES.get(max(sizes, key=lambda kind: sizes[kind], default=-1), ("?",))[0]
