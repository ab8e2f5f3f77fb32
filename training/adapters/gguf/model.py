"""A whole base model as a GGUF file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf

from bot.engine.checkpoint.gguf.header import check_gguf_header
from bot.errors import UserError
from training.adapters.gguf.dtypes import StoredArray, file_type, store_array
from training.adapters.gguf.layout import Array, GgufLayout
from training.adapters.gguf.tokenizer import add_tokenizer

_REPLACED = ("general.architecture", "general.file_type", "general.quantization_version", "general.name")
_TEMPLATE = "tokenizer.chat_template"


def write_gguf_model(
    path: Path, model: Any, layout: GgufLayout, dtype: str, name: str, template: str, origin: Path | Any
) -> None:
    """Write a model of transformers under a name, with its chat template.

    The metadata come from `origin`: the GGUF file that the model was converted from, or its tokenizer.
    Raises `UserError` for a model that GGUF or f16 cannot hold.
    """
    writer = gguf.GGUFWriter(path, layout.name)
    writer.add_name(name)
    writer.add_file_type(file_type(dtype))
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_chat_template(template)
    left = dict[str, Array]()
    if isinstance(origin, Path):
        check_gguf_header(origin)
        left = _copy(writer, gguf.GGUFReader(origin))
    else:
        _write_sizes(writer, model.config)
        add_tokenizer(writer, origin, model.get_input_embeddings().num_embeddings)
    for tensor, stored in _tensors(model, layout, dtype):
        writer.add_tensor(tensor, stored.values, raw_dtype=stored.blocks)
        left.pop(tensor, None)
    for tensor, values in left.items():
        writer.add_tensor(tensor, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def adds_start_token(path: Path) -> bool:
    """Return whether llama.cpp puts the first token before every prompt for a file; so it does by default."""
    field = gguf.GGUFReader(path).fields.get(gguf.Keys.Tokenizer.ADD_BOS)
    return bool(field.contents()) if field else True


def _tensors(model: Any, layout: GgufLayout, dtype: str) -> Iterator[tuple[str, StoredArray]]:
    tied = model.config.tie_word_embeddings
    for name, tensor in model.state_dict().items():
        if not (tied and name == "lm_head.weight"):
            values: Array = tensor.float().numpy()
            tensor = layout.tensor_name(name)
            yield tensor, store_array(tensor, layout.permute_rows(name, values), dtype)


def _copy(writer: gguf.GGUFWriter, reader: gguf.GGUFReader) -> dict[str, Array]:
    """Copy the metadata of another GGUF file; return its tensors that are no weights (`rope_freqs`)."""
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in (*_REPLACED, _TEMPLATE):
            continue
        kind, inner = field.types[0], field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, field.contents(), kind, inner)
    return {tensor.name: tensor.data for tensor in reader.tensors if tensor.name.startswith("rope_")}


def _write_sizes(writer: gguf.GGUFWriter, config: Any) -> None:
    """Write the sizes of a model; raises `UserError` for a rotary embedding with scaling."""
    rope = config.rope_parameters
    if rope.get("rope_type", "default") != "default":
        raise UserError(
            "The base model stretches its positions in a way that is not written as GGUF here: set [model] "
            "name to a GGUF file of it, or export with --format merged and convert that with llama.cpp's own "
            "scripts."
        )
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_block_count(config.num_hidden_layers)
    window = getattr(config, "sliding_window", None) or config.max_position_embeddings
    writer.add_context_length(min(window, config.max_position_embeddings))  # llama.cpp slides none
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
