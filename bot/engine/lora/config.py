"""The settings of a LoRA adapter (adapter_config.json), by a schema that refuses all unlisted keys."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bot.engine.lora.module_pattern import NAME_LENGTH, PatternTable, UnknownPattern, Value, name_ends
from bot.engine.lora.settings_check import check_settings
from bot.untrusted import RefusedFile

MAX_RANK = 256
MAX_NAMES = 4096  # of a list or table of modules
MAX_PATTERNS = 16  # of a table, beside names with dots
_PLAIN = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")


@dataclass(frozen=True)
class LoraConfig:
    """The settings that serving needs.

    `targets` is None where they name no layers one by one: then the tensors say which layers are adapted. No
    pattern of a config is ever searched in a name. Modules go by their names in the adapter's file.
    """

    base: str
    r: int
    alpha: float
    ranks: PatternTable[int]
    alphas: PatternTable[float]
    targets: tuple[str, ...] | None
    excluded: tuple[str, ...]
    complete: bool  # the weights must have every module that the settings name
    rslora: bool

    @property
    def is_uniform(self) -> bool:
        """True where all targets have one rank and one alpha, and none is left out."""
        return self.complete and not self.ranks.values and not self.alphas.values and not self.excluded

    def rank(self, module: str) -> int:
        """Return the rank of a module's matrices."""
        return self.ranks.find(module) or self.r

    def scale(self, module: str) -> float:
        """Return the factor of a module's change: alpha / rank, or alpha / sqrt(rank) for rsLoRA."""
        alpha, rank = self.alphas.find(module) or self.alpha, self.rank(module)
        return alpha / (math.sqrt(rank) if self.rslora else rank)

    def targets_module(self, module: str) -> bool:
        """Return whether the settings target a module."""
        if _ends_in(module, self._excluded):
            return False
        return self.targets is None or _ends_in(module, self._targeted)

    @cached_property
    def _targeted(self) -> frozenset[str]:
        return frozenset(self.targets or ())

    @cached_property
    def _excluded(self) -> frozenset[str]:
        return frozenset(self.excluded)


def parse_config(data: Mapping[str, Any]) -> LoraConfig:
    """Validate an adapter_config.json, key by key; raises RefusedFile."""
    check_settings(data)
    targets, excluded = data.get("target_modules"), data.get("exclude_modules") or []
    by_pattern = isinstance(targets, str) or isinstance(excluded, str)
    return LoraConfig(
        base=_text(data, "base_model_name_or_path"),
        r=_rank(data.get("r", 8)),
        alpha=_alpha(data.get("lora_alpha", 8)),
        ranks=_patterns(
            {name: _rank(rank) for name, rank in _table(data, "rank_pattern").items()}, "rank_pattern"
        ),
        alphas=_patterns(
            {name: _alpha(alpha) for name, alpha in _table(data, "alpha_pattern").items()}, "alpha_pattern"
        ),
        targets=None if isinstance(targets, str) else _names(targets, "target_modules"),
        excluded=() if isinstance(excluded, str) else _names(excluded, "exclude_modules"),
        complete=not by_pattern and not excluded and not _layers(data),
        rslora=_flag(data, "use_rslora"),
    )


def _rank(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_RANK:
        raise RefusedFile(
            f"its rank is not a whole number from 1 to {MAX_RANK}", "train it with a smaller rank"
        )
    return value


def _alpha(value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value <= 65_536:
        raise RefusedFile("its lora_alpha is not a positive number", "export it again")
    return float(value)


def _flag(data: Mapping[str, Any], key: str) -> bool:
    value = data.get(key)
    if value not in (None, True, False):
        raise RefusedFile(f"its {key} is neither true nor false", "export it again")
    return bool(value)


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value[:300] if isinstance(value, str) else ""


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key) or {}
    if not isinstance(value, dict) or len(value) > MAX_NAMES:
        raise RefusedFile(f"its {key} is not a table", "export it again")
    return value


def _patterns(values: Mapping[str, Value], key: str) -> PatternTable[Value]:
    """Return a table's values by patterns of module names."""
    if any(len(text) > NAME_LENGTH for text in values):
        raise RefusedFile(f"its {key} has names that are too long", "export it again")
    try:
        table = PatternTable(values)
    except UnknownPattern as unknown:
        raise RefusedFile(
            f"its {key} names modules by a pattern that is not followed here",
            f"name the modules in the {key} of its adapter_config.json one by one",
        ) from unknown
    if table.pattern_count > MAX_PATTERNS:
        raise RefusedFile(
            f"its {key} has more than {MAX_PATTERNS} patterns", f"name the modules in its {key}"
        )
    return table


def _names(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        raise RefusedFile(
            f"its {key} is not a list of names", "name the modules one by one, without patterns"
        )
    return tuple(_plain(name) for name in value)


def _plain(name: Any) -> str:
    if not isinstance(name, str) or len(name) > NAME_LENGTH or not _PLAIN.fullmatch(name):
        raise RefusedFile("it names modules by a pattern", "name the modules one by one, without patterns")
    return name


def _layers(data: Mapping[str, Any]) -> bool:
    layers = data.get("layers_to_transform")
    given = layers if isinstance(layers, list) else [layers] if layers is not None else []
    if any(type(layer) is not int for layer in given):
        raise RefusedFile("its layers_to_transform are not numbers", "export it again")
    pattern = data.get("layers_pattern")
    if not all(isinstance(name, str) for name in (pattern if isinstance(pattern, list) else [pattern or ""])):
        raise RefusedFile("its layers_pattern is no text", "export it again")
    return bool(given)


def _ends_in(module: str, names: frozenset[str]) -> bool:
    return any(end in names for end in name_ends(module))
