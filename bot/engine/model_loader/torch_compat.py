"""Private parts of torch, as seen in version 2.13: what the CPU computes in.

`tests/bot/engine/model_loader/test_compat.py` fails when an upgrade changes one of them.
"""

import torch


def cpu_computes_bfloat16() -> bool:
    """Return whether the CPU multiplies in bfloat16 itself, by AVX-512 or AMX."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
