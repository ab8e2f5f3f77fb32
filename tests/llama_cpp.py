"""llama.cpp, in this process: what it answers with a model and adapters in GGUF files."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import xllamacpp

AT_ONCE = 10


def complete(
    model: Path,
    prompts: Sequence[str] | Sequence[list[int]],
    count: int,
    adapter: Path | None = None,
    never: Sequence[int] = (),
) -> list[list[int]]:
    """The ids of greedy answers of so many tokens, in fp32 as far as the files are, to texts or ids.

    What is `never` to be said should hold halves of characters, since llama.cpp does not tell those apart.
    """
    server = xllamacpp.Server(_settings(model, adapter))

    def answer(prompt: str | list[int]) -> list[int]:
        asked: dict[str, Any] = {"prompt": prompt, "temperature": 0, "logprobs": 1, "cache_prompt": False}
        asked |= {"max_tokens": count, "logit_bias": [[id, False] for id in never]}
        got = server.handle_completions(asked)
        return [token["id"] for token in got["choices"][0]["logprobs"]["content"]]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(answer, prompts))


def _settings(model: Path, adapter: Path | None) -> Any:
    told = xllamacpp.CommonParams()
    told.model.path = str(model)
    told.n_ctx, told.n_parallel, told.n_gpu_layers, told.warmup = 256 * AT_ONCE, AT_ONCE, 0, False
    told.cpuparams.n_threads = told.cpuparams_batch.n_threads = 1
    told.cache_type_k = told.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    told.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    told.verbosity = -1
    if adapter:
        beside = xllamacpp.CommonAdapterLoraInfo()
        beside.path, beside.scale = str(adapter), 1.0
        told.lora_adapters = [beside]
    return told
