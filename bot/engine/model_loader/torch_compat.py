"""The dtype that a CPU computes in, by torch's names of its instructions, as in version 2.13.

`tests/bot/engine/model_loader/test_compat.py` fails when an upgrade changes the names.
"""

from collections.abc import Mapping

import torch


def cpu_computes_bfloat16() -> bool:
    """Return whether the CPU multiplies in bfloat16 itself, and torch lets it."""
    has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return computes_bfloat16(torch.cpu.get_capabilities(), has_onednn)


def computes_bfloat16(features: Mapping[str, object], has_onednn: bool) -> bool:
    """Return whether products in bfloat16 are fast: on x86 by AVX-512 or AMX, on ARM by BFMMLA.

    torch has those of ARM from oneDNN, which its wheels for macOS lack: there an M2 has the instruction, and
    torch multiplies number by number.
    """
    return bool(
        features.get("avx512_bf16") or features.get("amx_tile") or (has_onednn and features.get("bf16"))
    )
