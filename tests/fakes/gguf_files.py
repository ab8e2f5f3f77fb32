"""Tiny GGUF files by gguf's own writer: a header of any family, tensors of zeros."""

from pathlib import Path

import gguf
import numpy as np

SIZES = {"block_count": 2, "embedding_length": 64, "feed_forward_length": 128, "context_length": 512}
HEADS = {"attention.head_count": 4, "attention.head_count_kv": 2}


def write_gguf(
    path: Path,
    family: str = "llama",
    *,
    vocabulary: int = 32,
    has_head: bool = False,
    file_type: gguf.LlamaFileType | None = gguf.LlamaFileType.MOSTLY_Q4_1,
    **fields: int,
) -> Path:
    """Write a file of two layers, in Q4_1 but for the embeddings, which are plain."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, family)
    for key, value in {**SIZES, **HEADS}.items():
        writer.add_uint32(f"{family}.{key}", value)
    for key, value in fields.items():
        writer.add_uint32(key.replace("__", "."), value)
    if file_type is not None:
        writer.add_file_type(file_type)
    writer.add_token_list([f"t{number}" for number in range(vocabulary)])
    writer.add_tensor("token_embd.weight", np.zeros((vocabulary, 64), np.float32))
    if has_head:
        writer.add_tensor("output.weight", np.zeros((vocabulary, 64), np.float32))
    for layer in range(2):
        packed = np.zeros((64, 64 // 32 * 20), np.uint8)
        kind = gguf.GGMLQuantizationType.Q4_1
        writer.add_tensor(f"blk.{layer}.attn_output.weight", packed, raw_dtype=kind)
        writer.add_tensor(f"blk.{layer}.attn_norm.weight", np.ones(64, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
