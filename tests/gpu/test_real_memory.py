"""Memory of a real card: another program fills it and leaves; `evaluate` holds one base model at a time."""

import asyncio
from pathlib import Path

import pytest
import torch

from bot.config import Config, load_config
from bot.engine.local.local_engine import LocalEngine
from bot.engine.model_loader.device_check import SPILL_RESERVE, card_spills
from bot.errors import UserError
from tests.bot.engine.local.driver import texts
from tests.gpu.figures import Figures
from tests.gpu.real import CARD, DEVICES, held_bytes, plan_of, request, save_adapter, save_base, settings_of
from training.evaluation.engine_samples import sample_answers
from training.evaluation.forced_scoring import ForcedScorer

LEFT = 48 << 20  # bytes of a card that another program leaves
PATIENCE = 120  # seconds until every request must have ended


def fill(device: str) -> list[torch.Tensor]:
    """Take the rest of a card; of a CPU nothing."""
    if device == "cpu":
        return []
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    left = LEFT + (SPILL_RESERVE if card_spills() else 0)
    return [torch.empty(max(0, free - left), dtype=torch.uint8, device=device)]


@pytest.mark.parametrize(("device", "precision"), DEVICES)
async def test_requests_on_a_full_card_end_with_a_reply_or_a_sentence_and_later_ones_are_answered(
    device: str, precision: str, tmp_path: Path, figures: Figures
) -> None:
    base = save_base(tmp_path / "base", device)
    async with LocalEngine(settings_of(base, device, precision), tmp_path) as engine:
        await engine.ready()
        taken = fill(device)
        asked = [request(number, 1500, 40) for number in range(8)]
        async with asyncio.timeout(PATIENCE):
            found = await asyncio.gather(*(texts(engine, each) for each in asked), return_exceptions=True)
        taken.clear()
        if device != "cpu":
            torch.cuda.empty_cache()
        later = await texts(engine, request(9, 1500, 40))
    told = [each for each in found if isinstance(each, UserError)]
    replies = [each for each in found if isinstance(each, list)]
    assert len(told) + len(replies) == len(asked)
    assert later[0]
    value = f"{len(replies)} replies, {len(told)} told why, then {len(later)} reply"
    figures.add(f"{device} {precision}: 8 requests on a full card", value)


def evaluation_settings(tmp_path: Path, base: Path, device: str, precision: str) -> Config:
    lines = [f"name = '{base}'", f'device = "{device}"', f'precision = "{precision}"', "cache = 64"]
    file = tmp_path / "config.toml"
    file.write_text("\n".join(["[model]", *lines, "[paths]", f"data = '{tmp_path / 'data'}'"]))
    return load_config(file)


@pytest.mark.parametrize(
    ("device", "precision"), [("cpu", "fp32"), pytest.param("cuda:0", "bf16", marks=CARD)]
)
def test_an_evaluation_never_holds_two_base_models(
    device: str, precision: str, tmp_path: Path, figures: Figures
) -> None:
    base = save_base(tmp_path / "base", device)
    adapter = save_adapter(tmp_path / "adapter", base, 1)
    settings = evaluation_settings(tmp_path, base, device, precision)
    before = held_bytes(device)
    sample_answers(settings, adapter, {"base": [request(0, 20, 4)]}, lambda count: None, "Mara")
    left = held_bytes(device) - before
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    scorer = ForcedScorer(plan_of(settings.model, tmp_path), settings.model, adapter)
    peak = torch.cuda.max_memory_allocated() - before if device != "cpu" else left
    weights = held_bytes(device) - before
    assert scorer.score((1, 2, 3), [(300, 301)], True)
    value = f"{max(left, peak) / weights:.2f} of the weights"
    name = f"{device} {precision}: evaluate's memory between its two loads and while it scores"
    figures.add(name, value, "below 0.2 and 1.5", left < 0.2 * weights and peak < 1.5 * weights)
