"""The command `models use`: a base model is checked, fetched where it must be, and named in config.toml."""

import asyncio
import shlex
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from bot.adapter.files import MANIFEST
from bot.adapter.manifest import read_manifest
from bot.app.config_edit import set_key
from bot.config import Config
from bot.errors import UserError
from bot.persona.persona import Persona, load_cast
from bot.system.console import json_text
from bot.system.progress_line import ProgressLine
from bot.system.user_path import user_path
from bot.untrusted import RefusedFile


def default_folders(settings: Config) -> list[Path]:
    """Return the folders that are searched where none is named."""
    return [settings.data / "models", Path("models"), Path.home() / "models"]


async def use_model(name: str, settings: Config) -> str:
    """Write a model into config.toml, after a check of its files; fetch it from the hub where it must be.

    Returns what changes. Raises `UserError`, with config.toml as it was, for a model that is not served.
    """
    with ProgressLine(sys.stderr) as line:
        taken, fit = await asyncio.to_thread(_take, name, settings, line)
    before = settings.model.name
    set_key(settings.file, "model", "name", taken)
    told = [f"{settings.file}: [model] name is {json_text(taken)} now, in place of {json_text(before)}."]
    return "\n".join([*told, *fit, *_adapter_notes(settings, taken)])


def _take(given: str, settings: Config, line: "ProgressLine") -> tuple[str, list[str]]:
    """Return the name to write, and lines about memory; raises `UserError` for a model that is not served."""
    from bot.engine.runtime.environment import prepare_environment

    prepare_environment()
    from bot.engine.checkpoint.hub_download import download_model
    from bot.engine.checkpoint.source import locate_model
    from bot.engine.inventory.listing import read_entry
    from bot.engine.model_loader.machine import fit_on, this_machine

    name = _whole_name(given, settings)
    source = locate_model(settings.model.model_copy(update={"name": name}))
    if source.kind == "hub":
        source = download_model(source, line.show)
    assert source.path is not None
    entry = read_entry(name, "", source.path)
    if entry.header is None:
        raise UserError(f"{entry.fault.rstrip('.')}. config.toml is as it was.")
    if entry.fault:
        raise UserError(f"{name} is not served: {entry.fault}. config.toml is as it was.")
    notes = [f"{entry.header.fault.capitalize()}."] if entry.header.fault else []
    fit = fit_on(entry.header, settings.model, this_machine(settings.model))
    if fit and not fit.fits:
        notes.append(
            "It does not fit into the memory that is free now: `python -m bot doctor` says what it takes."
        )
    elif fit:
        notes.append(f"It fits, with {fit.rows} rows of the context at once.")
    return name, notes


def _whole_name(given: str, settings: Config) -> str:
    """Return the name to write for what was typed: a path made absolute, a listed model found by its end."""
    path = user_path(given)
    if path.exists():
        return str(path.absolute())
    from bot.engine.checkpoint.ollama import OLLAMA
    from bot.engine.inventory.listing import list_models

    listed = [entry.name for entry in list_models(default_folders(settings))]
    ends = [name for name in listed if name.lower().endswith(given.lower())]
    if len(ends) == 1:
        return ends[0]
    if given in listed or "/" in given or given.startswith(OLLAMA):
        return given
    raise UserError(_unknown(given, ends or _near(given, listed)))


def _near(given: str, listed: Sequence[str]) -> list[str]:
    """Return the names that hold what was typed, else those with a like end."""
    holding = [name for name in listed if given.lower() in name.lower()]
    by_end = {name.replace("\\", "/").rpartition("/")[2].lower(): name for name in listed}
    return holding or [by_end[end] for end in get_close_matches(given.lower(), by_end, cutoff=0.5)]


def _unknown(given: str, near: Sequence[str]) -> str:
    choice = f"did you mean {' or '.join(near)}?" if near else "`python -m bot models` lists what is here."
    return f"There is no model {given}: {choice}"


def _adapter_notes(settings: Config, taken: str) -> Iterator[str]:
    """Tell whose adapters were made for a model of another name."""
    for persona in load_cast(settings.personas).personas.values():
        base = _base_of(persona)
        if base and base != taken:
            yield (
                f"The adapter of {persona.key} was made for {base}: unless {taken} is a copy of it, it "
                f"waits, and `python -m training train --persona {shlex.quote(persona.key)}` makes one "
                "for the new model."
            )


def _base_of(persona: Persona) -> str:
    """Return the base model that a persona's adapter names; empty without an adapter or a name."""
    if persona.adapter is None or not (persona.adapter / MANIFEST).exists():
        return ""
    try:
        base = read_manifest(persona.adapter).base_model
    except RefusedFile:
        return ""
    return base if isinstance(base, str) else ""
