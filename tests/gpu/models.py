"""Runners of base models of real sizes on a pretended card, and adapters for them."""

import re
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
import torch

from bot.engine.lora.active import LoadedAdapter
from bot.engine.lora.linear import LoraPair
from bot.engine.model_executor import probes
from bot.engine.model_executor.model_runner import ModelRunner
from tests.fakes.card.models import SIZES, config_of, empty_model
from tests.paths import ROOT

CONTEXT = 4096


def recommendations() -> list[tuple[int, str]]:
    """Return (GiB of a card, name of a base model) of each recommendation in config.toml."""
    lines = re.findall(r"^# +(\d+) GB  (.*)$", (ROOT / "config.toml").read_text("utf-8"), re.MULTILINE)
    return [(int(size), name) for size, rest in lines for name in re.findall(r'"[^"]+/([^"]+)"', rest)]


def recommended(quick: int) -> list[Any]:
    """Return the recommendations as parameters; all but the first `quick` ones are marked slow."""
    return [
        pytest.param(size, name, marks=[pytest.mark.slow] if number >= quick else [])
        for number, (size, name) in enumerate(recommendations())
    ]


def size_of(name: str) -> str:
    """Return the entry of `SIZES` that a repository's name means."""
    return max((size for size in SIZES if name.startswith(size)), key=len)


def pretended_runner(name: str, precision: str = "nf4", overflows: bool = False) -> ModelRunner:
    """Return a patched model on the card; its logits cannot be compared, for lack of values.

    `overflows`: as if a model in "fp16" gave logits that are no numbers.
    """
    model = empty_model(config_of(name), precision)
    with (
        mock.patch.object(probes, "PROBES", ((2, 4, 8),)),
        mock.patch.object(probes, "single_logits", return_value=[]),
        mock.patch.object(probes, "relative_error", return_value=0.0),
        mock.patch.object(probes, "are_finite", return_value=not overflows),
    ):
        return ModelRunner(model, name, CONTEXT)


def whole_adapters(runner: ModelRunner, count: int, rank: int = 16) -> list[LoadedAdapter]:
    """Return adapters of all linear layers but the head, prepared, without values."""
    pairs = {
        layer: LoraPair(torch.empty(rank, inputs), torch.empty(out, rank), 1.0)
        for layer, (out, inputs) in runner.shapes.items()
        if layer != "lm_head"
    }
    prepared = runner.active_adapters.prepare(LoadedAdapter("0", pairs))
    return [replace(prepared, name=str(number)) for number in range(count)]
