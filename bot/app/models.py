"""The command `models`: the base models on this machine, and those that config.toml recommends."""

import asyncio
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bot import config
from bot.app.model_choice import default_folders, use_model
from bot.config import Config
from bot.errors import UserError
from bot.system.console import json_text
from bot.system.user_path import user_path

if TYPE_CHECKING:
    from bot.engine.checkpoint.model_header import ModelHeader
    from bot.engine.inventory.listing import ModelEntry
    from bot.engine.model_loader.machine import Machine


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A line of the list. `rows`: chats of the settings' context at once, None where nothing tells."""

    name: str
    place: str
    served: str
    family: str = ""
    parameters: int = 0
    bits: str = ""
    bytes: int = 0
    fits: bool | None = None
    rows: int | None = None
    reason: str = ""

    def __str__(self) -> str:
        if not self.family:
            return f"  {self.name}\n      {self.place}: {self.reason}"
        sizes = f"{self.family}, {_count(self.parameters)}, {self.bits}, {self.bytes / 1e9:.2f} GB"
        return f"  {self.name}\n      {self.place}: {sizes}; {self._standing()}"

    def _standing(self) -> str:
        if self.served == "refused":
            return f"not served: {self.reason}"
        known = {None: "", False: "does not fit", True: f"fits, {self.rows} rows"}[self.fits]
        return "; ".join(filter(None, (known, self.reason)))


async def models(options: Namespace) -> str:
    """List models as text or lines of JSON, those below the folders of the command first; or take one."""
    settings = config.load_config(options.config)
    if options.words[:1] == ["use"]:
        if len(options.words) != 2:
            raise UserError(
                "Name one model: `python -m bot models use NAME`; `python -m bot models` lists them."
            )
        return await use_model(options.words[1], settings)
    here, recommended = await asyncio.to_thread(_list, settings, options.words)
    if options.json:
        return "\n".join(json_text(asdict(one)) for one in (*here, *recommended))
    context, rows = settings.model.context, settings.model.rows
    lines = [f"On this machine (rows: chats of {context:,} tokens at once, of at most {rows}):"]
    lines += [f"{_mark(one, settings)}{str(one)[1:]}" for one in here] or ["  none"]
    lines += ["Recommended, to be fetched from the hub:", *map(str, recommended)]
    return "\n".join([*lines, "`python -m bot models use NAME` writes one into config.toml."])


def _mark(model: ListedModel, settings: Config) -> str:
    return "*" if model.name == settings.model.name else " "


def _list(settings: Config, named: Sequence[str]) -> tuple[list[ListedModel], list[ListedModel]]:
    """Return the models that are here, and those recommended that are not."""
    folders = [user_path(folder) for folder in named] or default_folders(settings)
    if named and (missing := [folder for folder in folders if not folder.exists()]):
        raise UserError(f"There is no folder {missing[0]}: name one in which models lie.")
    from bot.engine.runtime.environment import prepare_environment

    prepare_environment()
    from bot.engine.inventory.listing import list_models
    from bot.engine.inventory.recommended import recommendations
    from bot.engine.model_loader.machine import this_machine

    machine = this_machine(settings.model)
    entries = list_models(folders)
    here = [_listed(entry, settings, machine) for entry in entries]
    names = {one.name for one in here}
    others = {one.name: one for one in recommendations() if one.name not in names}.values()
    return here, [_described(one.name, "the hub", one.header, settings, machine) for one in others]


def _listed(entry: "ModelEntry", settings: Config, machine: "Machine") -> ListedModel:
    if entry.header is None:
        return ListedModel(entry.name, entry.place, "refused", reason=entry.fault)
    return _described(entry.name, entry.place, entry.header, settings, machine)


def _described(
    name: str, place: str, header: "ModelHeader", settings: Config, machine: "Machine"
) -> ListedModel:
    from bot.engine.model_loader.machine import fit_on

    fit = fit_on(header, settings.model, machine) if header.standing != "refused" else None
    return ListedModel(
        name=name,
        place=place,
        served=header.standing,
        family=header.family or "unknown",
        parameters=header.parameters,
        bits=header.bits,
        bytes=header.bytes,
        fits=fit.fits if fit else None,
        rows=fit.rows if fit else None,
        reason=header.fault,
    )


def _count(parameters: int) -> str:
    """Return a count of parameters as models are called: 1.54B, 135M."""
    if parameters >= 10**9:
        return f"{parameters / 1e9:.2f}B"
    return f"{parameters / 1e6:,.0f}M" if parameters >= 10**6 else f"{parameters:,} parameters"
