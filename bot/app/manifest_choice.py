"""The choice among adapters by their manifests alone, for commands that must be quick: no library of models.

`doctor` and the engine check weights and prompts too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bot.adapter.choice import AdapterChoice, choose_adapter
from bot.config import Config
from bot.engine.checkpoint.norm_fingerprint import norm_fingerprint
from bot.engine.checkpoint.source import ModelSource, locate_model, model_fingerprint
from bot.persona.persona import Cast


@dataclass(frozen=True)
class LocatedBase:
    """The base model of the settings by its files, whose layers are not known."""

    source: ModelSource

    @property
    def name(self) -> str:
        return self.source.name

    @cached_property
    def fingerprint(self) -> str:
        return model_fingerprint(self.source)

    @cached_property
    def norms(self) -> str:
        return norm_fingerprint(self.source)

    def other_base(self, folder: Path) -> str:
        """Return "": without the layers, an adapter that names no base model may fit."""
        return ""


def choose_by_manifests(settings: Config, cast: Cast) -> Mapping[str, AdapterChoice]:
    """Return the choice for each persona with adapters, by key; nothing where the base model is not here.

    Raises `UserError` for a path without a model.
    """
    adapted = {key: persona for key, persona in cast.personas.items() if persona.adapters}
    source = locate_model(settings.model)
    if source.path is None or not adapted:
        return {}
    base = LocatedBase(source)
    return {key: choose_adapter(key, persona.adapters, base) for key, persona in adapted.items()}
