"""Eight rows under three adapters have the logits of each alone, and those of PEFT: real numbers."""

import gc
import random
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch import Tensor

from bot.engine.attention.forward_batch import TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.lora.registry import read_adapter
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_executor.probes import EXACT, ROUNDED, relative_error
from bot.engine.model_loader import loader
from tests.gpu.figures import Figures
from tests.gpu.real import CARD, load, plan_of, save_adapter, save_base, settings_of

ROWS, ADAPTERS, STRENGTH = 8, 3, 0.8
RNG = random.Random(5)
PROMPTS = [tuple(RNG.randrange(260, 400) for _ in range(20 + 17 * row)) for row in range(ROWS)]
# Adapters of the rows; the last two are under none.
SLOTS = [*(row % ADAPTERS for row in range(ROWS - 2)), -1, -1]
CASES = [
    pytest.param("cpu", "fp32"),
    pytest.param("cpu", "nf4"),
    *(pytest.param("cuda:0", precision, marks=CARD) for precision in ("nf4", "bf16", "fp16")),
]


def batched(runner: ModelRunner, rows: Sequence[int], adapted: bool = True) -> list[Tensor]:
    """Return the logits behind the prompts of these rows, in two passes for all: the last ids come alone."""
    cache = KVCache(1 << 30, runner.token_bytes)
    slots = cache.allocate(len(PROMPTS[-1]), len(rows)) or []
    row_of = {id(slot): row for slot, row in zip(slots, rows, strict=True)}
    found = dict[int, Tensor]()
    for part in (slice(None, -1), slice(-1, None)):
        spans = [
            TokenSpan(slot, PROMPTS[row][part], SLOTS[row] if adapted else -1, STRENGTH)
            for slot, row in zip(slots, rows, strict=True)
        ]
        batch = runner.batch_of(spans)
        logits = runner.forward(batch)
        found = {row_of[id(span.kv_slot)]: row for span, row in zip(batch.spans, logits, strict=True)}
        batch.advance()
    return [found[row].float().cpu() for row in rows]


@torch.inference_mode()
def engine_logits(base: Path, adapters: Sequence[Path], device: str, precision: str) -> list[list[Tensor]]:
    """Return the logits of all rows in one batch, of each row alone, and of all without adapters."""
    loaded = load(settings_of(base, device, precision), base)
    active = loaded.runner.active_adapters
    for path in adapters:
        active.activate(active.prepare(read_adapter(path.name, path, loaded.base)))
    alone = [logits for row in range(ROWS) for logits in batched(loaded.runner, [row])]
    everyone = range(ROWS)
    return [batched(loaded.runner, everyone), alone, batched(loaded.runner, everyone, adapted=False)]


@torch.inference_mode()
def peft_logits(base: Path, adapters: Sequence[Path], device: str, precision: str) -> list[Tensor]:
    settings = settings_of(base, device, precision)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        plain = loader.load_weights(plan_of(settings, base), settings)
        model = PeftModel.from_pretrained(plain, adapters[0], adapter_name="0")
        for number, path in enumerate(adapters[1:], 1):
            model.load_adapter(path, str(number))
    found = []
    for prompt, slot in zip(PROMPTS, SLOTS, strict=True):
        ids = torch.tensor([prompt], device=device)
        if slot < 0:
            with model.disable_adapter():
                found.append(model(ids).logits[0, -1].float().cpu())
            continue
        model.set_adapter(str(slot))
        layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
        for layer in layers:
            layer.scale_layer(STRENGTH)
        found.append(model(ids).logits[0, -1].float().cpu())
        for layer in layers:
            layer.unscale_layer(STRENGTH)
    return found


def error_of(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    return relative_error([row[None] for row in ours], [row[None] for row in theirs])


@pytest.mark.parametrize(("device", "precision"), CASES)
def test_eight_rows_under_three_adapters_are_answered_as_alone_and_as_by_peft(
    device: str, precision: str, tmp_path: Path, figures: Figures
) -> None:
    base = save_base(tmp_path / "base", device)
    adapters = [save_adapter(tmp_path / f"adapter-{n}", base, n) for n in range(ADAPTERS)]
    together, alone, plain = engine_logits(base, adapters, device, precision)
    gc.collect()  # the model holds itself, and a card may have no room for two
    theirs = peft_logits(base, adapters, device, precision)
    limit = EXACT if (device, precision) == ("cpu", "fp32") else ROUNDED
    assert error_of(together[: ROWS - 2], plain[: ROWS - 2]) > 2 * ROUNDED, "the adapters change nothing"
    for name, reference in (("each alone", alone), ("PEFT", theirs)):
        error = error_of(together, reference)
        row = f"{device} {precision}: 8 rows, 3 adapters against {name}"
        figures.add(row, f"{error:.2%} off", f"below {limit:.1%}", error < limit)
