"""Base models of real sizes whose weights are only shapes, plain or as bitsandbytes holds them in nf4."""

from collections.abc import Callable
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

# By name, as config.json in the models' own repositories has them: family, hidden size, intermediate size,
# layers, heads, KV heads, head size, vocabulary, and whether the head's weights are the embeddings.
SIZES: dict[str, tuple[str, int, int, int, int, int, int, int, bool]] = {
    "SmolLM2-135M": ("Llama", 576, 1536, 30, 9, 3, 64, 49152, True),
    "SmolLM2-1.7B": ("Llama", 2048, 8192, 24, 32, 32, 64, 49152, True),
    "Llama-3.2-1B": ("Llama", 2048, 8192, 16, 32, 8, 64, 128256, True),
    "Llama-3.2-3B": ("Llama", 3072, 8192, 28, 24, 8, 128, 128256, True),
    "Llama-3.1-8B": ("Llama", 4096, 14336, 32, 32, 8, 128, 128256, False),
    "Llama-3.3-70B": ("Llama", 8192, 28672, 80, 64, 8, 128, 128256, False),
    "Mistral-7B": ("Mistral", 4096, 14336, 32, 32, 8, 128, 32768, False),
    "Mistral-Nemo-12B": ("Mistral", 5120, 14336, 40, 32, 8, 128, 131072, False),
    "Mistral-Small-24B": ("Mistral", 5120, 32768, 40, 32, 8, 128, 131072, False),
    "Qwen2.5-0.5B": ("Qwen2", 896, 4864, 24, 14, 2, 64, 151936, True),
    "Qwen2.5-1.5B": ("Qwen2", 1536, 8960, 28, 12, 2, 128, 151936, True),
    "Qwen2.5-3B": ("Qwen2", 2048, 11008, 36, 16, 2, 128, 151936, True),
    "Qwen2.5-7B": ("Qwen2", 3584, 18944, 28, 28, 4, 128, 152064, False),
    "Qwen2.5-14B": ("Qwen2", 5120, 13824, 48, 40, 8, 128, 152064, False),
    "Qwen2.5-32B": ("Qwen2", 5120, 27648, 64, 40, 8, 128, 152064, False),
    "Qwen2.5-72B": ("Qwen2", 8192, 29568, 80, 64, 8, 128, 152064, False),
    "Qwen3-1.7B": ("Qwen3", 2048, 6144, 28, 16, 8, 128, 151936, True),
    "Qwen3-4B": ("Qwen3", 2560, 9728, 36, 32, 8, 128, 151936, True),
    "Qwen3-8B": ("Qwen3", 4096, 12288, 36, 32, 8, 128, 151936, False),
    "Qwen3-14B": ("Qwen3", 5120, 17408, 40, 40, 8, 128, 151936, False),
    "Qwen3-32B": ("Qwen3", 5120, 25600, 64, 64, 8, 128, 151936, False),
    "SmolLM3-3B": ("SmolLM3", 2048, 11008, 36, 16, 4, 128, 128256, True),
    "gemma-2-2b": ("Gemma2", 2304, 9216, 26, 8, 4, 256, 256000, True),
    "gemma-2-9b": ("Gemma2", 3584, 14336, 42, 16, 8, 256, 256000, True),
    "gemma-2-27b": ("Gemma2", 4608, 36864, 46, 32, 16, 128, 256000, True),
}


def config_of(name: str, context: int = 8192) -> Any:
    """Return the transformers config of a model in `SIZES`, with positions for `context` tokens."""
    family, hidden, intermediate, layers, heads, kv_heads, head_size, vocabulary, tied = SIZES[name]
    return getattr(transformers, f"{family}Config")(
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_size,
        vocab_size=vocabulary,
        tie_word_embeddings=tied,
        max_position_embeddings=context,
        sliding_window=4096 if family == "Gemma2" else None,
    )


def _one_card(path: str) -> str:
    return "cuda"


def empty_model(
    config: Any, precision: str, place: Callable[[str], str] = _one_card, nested: bool = False
) -> Any:
    """Return a causal model in "bf16", "fp16" or "nf4", inside a `pretended_card` block.

    In nf4 all linear layers but the head are bitsandbytes', as transformers makes them; `nested`: with
    double quantization. `place` returns the device of a module by its path.
    """
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    with _disable_current_modes(), torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype)
    if precision == "nf4":
        for path, layer in list(model.named_modules()):
            if type(layer) is nn.Linear and path != "lm_head":
                parent, _, name = path.rpartition(".")
                setattr(model.get_submodule(parent), name, _nf4_linear(layer, dtype, place(path), nested))
    made: dict[int, Tensor] = {}
    for path, module in model.named_modules():
        for tensors in (module._parameters, module._buffers, vars(module)):
            for name, tensor in list(tensors.items()):
                if isinstance(tensor, Tensor) and tensor.device.type == "meta":
                    if id(tensor) not in made:
                        made[id(tensor)] = _materialise(tensor, place(path))
                    tensors[name] = made[id(tensor)]
    return model.requires_grad_(False).eval()


def _materialise(tensor: Tensor, device: str) -> Tensor:
    empty = torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty


def _nf4_linear(linear: nn.Linear, dtype: torch.dtype, device: str, nested: bool) -> nn.Module:
    """Return bitsandbytes' layer of a linear layer's size: half a byte a number, a scale for each 64."""
    from bitsandbytes.functional import QuantState
    from bitsandbytes.nn import Linear4bit

    with _disable_current_modes(), torch.device("meta"):
        layer = Linear4bit(linear.in_features, linear.out_features, False, dtype, True, "nf4")
    numbers = linear.weight.numel()
    state = QuantState(
        absmax=torch.empty(numbers // 64, dtype=torch.uint8 if nested else torch.float32, device=device),
        shape=linear.weight.shape,
        code=torch.empty(16, device=device),
        blocksize=64,
        quant_type="nf4",
        dtype=dtype,
    )
    if nested:
        scales = torch.empty(-(-numbers // (64 * 256)), device=device)
        inner = QuantState(
            absmax=scales, code=torch.empty(256, device=device), blocksize=256, dtype=torch.float32
        )
        state.offset, state.state2, state.nested = torch.empty((), device=device), inner, True
    packed = torch.empty((numbers // 2, 1), dtype=torch.uint8, device=device)
    weight = nn.Parameter(packed, requires_grad=False)
    weight.quant_state, weight.bnb_quantized = state, True  # type: ignore[attr-defined]
    layer._parameters["weight"], layer._parameters["bias"] = weight, linear.bias
    layer.quant_state, layer.compute_type_is_set = state, True
    return layer
