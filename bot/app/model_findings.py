"""The checks of `doctor` on the base model, its adapters, the kernels and graphics cards."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bot.app.adapter_report import adapter_text, check_adapters, is_model_ready
from bot.app.finding import Finding
from bot.config import Config
from bot.errors import UserError
from bot.persona.persona import Cast

if TYPE_CHECKING:
    from bot.engine.checkpoint.source import ModelSource


_CONVERTED_FIRST = (
    "the first start converts the model, and checks them then; `doctor` makes no copy of a model"
)


def model_findings(settings: Config, cast: Cast) -> list[Finding]:
    """Check the base model's files, and every adapter against them; no weights are read."""
    from bot.engine.checkpoint.source import locate_model

    try:
        source = locate_model(settings.model)
    except UserError as error:
        return [Finding("model", False, str(error))]
    if source.path is None:
        return [Finding("model", True, f"{source.name}, to be fetched from the hub at the first start")]
    found = [*_weights(settings, source)]
    if all(finding.right for finding in found):
        found += _own_template(settings, cast, source)
    if any(not finding.right for finding in found):
        return found  # the check of adapters may have to convert the model
    return [*found, *_adapters(settings, cast)]


def _own_template(settings: Config, cast: Cast, source: "ModelSource") -> Iterator[Finding]:
    """Name the persona that has no chat template with this GGUF file, before anything is converted."""
    from bot.engine.checkpoint.gguf.gguf_file import open_gguf
    from bot.engine.model_loader.gguf_check import check_gguf_model

    if source.kind != "gguf" or source.path is None:
        return
    try:
        check_gguf_model(open_gguf(source.path), settings.model, cast.personas.values())
    except UserError as error:
        yield Finding("template", False, str(error))


def _weights(settings: Config, source: "ModelSource") -> list[Finding]:
    """Tell in how many bits the model is served, what it takes of a CPU's memory and how many chats fit."""
    from bot.engine.runtime.environment import prepare_environment

    prepare_environment()
    from bot.engine.model_loader import load_plan, memory_check  # load torch

    try:
        held = load_plan.describe_weights(source, settings.model)
    except UserError as error:
        return [Finding("model", False, str(error))]
    found = Finding("model", True, f"{source.name} at {source.path}, served in {held}")
    plan = memory_check.plan_of(source, settings.model)
    if plan is None:
        return [found]
    return [found, Finding("room", *memory_check.judge_plan(plan, settings.model.rows))]


def _adapters(settings: Config, cast: Cast) -> Iterator[Finding]:
    try:
        if not is_model_ready(settings):
            yield Finding("adapters", True, f"not checked: {_CONVERTED_FIRST}")
            return
        choices = check_adapters(settings, cast)
    except UserError as error:
        yield Finding("model", False, str(error))
        return
    if not choices:
        yield Finding("adapters", True, "none: every persona speaks as the base model does")
    for key, choice in choices.items():
        waits = bool(choice.waiting_note(key))
        yield Finding("adapter", not choice.refusal, adapter_text(key, choice), waits)


def native_finding(settings: Config) -> Finding:
    """Check whether the kernels are compiled for this processor, or can be, which takes seconds to try."""
    from bot.engine.kernels.compiler import LibraryError, make_library, stored_library

    if not settings.model.native:
        return Finding("native", True, "switched off: torch's operators serve")
    try:
        if path := stored_library():
            return Finding("native", True, f"compiled for this processor, in {path.parent}")
        with TemporaryDirectory() as trial:
            make_library(Path(trial))
        text = "they compile for this processor, and the first start does that"
    except LibraryError as error:
        parts = (f"not compiled: {error}", "on a CPU answers take up to twice as long", error.remedy)
        text = "; ".join(filter(None, parts))
    return Finding("native", True, text)


def card_findings(settings: Config) -> Iterator[Finding]:
    """Describe the graphics cards and what the model finds there; name one that cannot be used."""
    from bot.engine.runtime.nvidia import cuda_remedy, has_gpu_build

    device = settings.model.device
    if remedy := cuda_remedy(device):
        yield Finding("card", False, remedy)
    elif device.startswith("cuda") or (device == "auto" and has_gpu_build() is not False):
        from bot.engine.model_loader.card_report import card_lines  # loads torch

        try:
            yield from (Finding("card", True, line) for line in card_lines(settings.model))
        except UserError as error:
            yield Finding("card", False, str(error))
