"""Findings of `doctor` about graphics cards."""

from pathlib import Path

import pytest
import torch

from bot.app.doctor import run_checks


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a card")
async def test_why_the_card_of_the_settings_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[model]\ndevice = "cuda"\nnative = false\n')
    cards = [finding for finding in await run_checks(tmp_path / "config.toml") if finding.subject == "card"]
    assert [finding.right for finding in cards] == [False]
    assert cards[0].text.startswith('[model] device is "cuda", but torch finds no graphics card: install its')


async def test_for_a_cpu_no_card_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[model]\ndevice = "cpu"\nnative = false\n')
    assert "card" not in [finding.subject for finding in await run_checks(tmp_path / "config.toml")]
