"""The settings of a LoRA adapter (adapter_config.json), by a schema that refuses all unlisted keys."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.untrusted import RefusedFile

MAX_RANK = 256
_PLAIN = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
_RETRAIN = "train a plain LoRA adapter"

_READ = {
    *(
        "peft_type",
        "task_type",
        "r",
        "lora_alpha",
        "target_modules",
        "exclude_modules",
        "layers_to_transform",
    ),
    *("rank_pattern", "alpha_pattern", "use_rslora", "bias", "base_model_name_or_path", "init_lora_weights"),
}
_HARMLESS = {  # used in training only, or without effect here
    *("peft_version", "revision", "inference_mode", "lora_dropout", "fan_in_fan_out", "qalora_group_size"),
}
_DEFAULTS: dict[str, Any] = {"megatron_core": "megatron.core"}  # PEFT writes it into every adapter
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """The settings that serving needs. `targets` None means all linear layers."""

    base: str
    r: int
    alpha: float
    ranks: Mapping[str, int]
    alphas: Mapping[str, float]
    targets: tuple[str, ...] | None
    excluded: tuple[str, ...]
    complete: bool  # the weights must have every module that the settings name
    rslora: bool

    def rank(self, module: str) -> int:
        """Return the rank of a module's matrices."""
        return next((rank for name, rank in self.ranks.items() if _ends(module, name)), self.r)

    def scale(self, module: str) -> float:
        """Return the factor of a module's change: alpha / rank, or alpha / sqrt(rank) for rsLoRA."""
        alpha = next((alpha for name, alpha in self.alphas.items() if _ends(module, name)), self.alpha)
        rank = self.rank(module)
        return alpha / (math.sqrt(rank) if self.rslora else rank)

    def targets_module(self, module: str) -> bool:
        """Return whether the settings target a module."""
        if any(_ends(module, name) for name in self.excluded):
            return False
        return self.targets is None or any(_ends(module, name) for name in self.targets)


def parse_config(data: Mapping[str, Any]) -> LoraConfig:
    """Validate an adapter_config.json, key by key; raises RefusedFile."""
    _check_keys(data)
    if data.get("peft_type") != "LORA" or data.get("task_type") not in (None, "CAUSAL_LM"):
        raise RefusedFile("it is not a LoRA adapter for a chat model", _RETRAIN)
    if data.get("bias", "none") != "none":
        raise RefusedFile("it trains biases, which are not served", "train it with bias = none")
    start = data.get("init_lora_weights", True)
    if isinstance(start, str) and start.lower().startswith(_CHANGES_BASE):
        raise RefusedFile(
            "its training changed the base model's weights", "convert it to a plain LoRA adapter"
        )
    targets = data.get("target_modules")
    return LoraConfig(
        base=_text(data, "base_model_name_or_path"),
        r=_rank(data.get("r", 8)),
        alpha=_alpha(data.get("lora_alpha", 8)),
        ranks={_plain(name): _rank(rank) for name, rank in _table(data, "rank_pattern").items()},
        alphas={_plain(name): _alpha(alpha) for name, alpha in _table(data, "alpha_pattern").items()},
        targets=None if targets == "all-linear" else _names(targets, "target_modules"),
        excluded=_names(data.get("exclude_modules") or [], "exclude_modules"),
        complete=targets != "all-linear" and not _layers(data) and not data.get("exclude_modules"),
        rslora=_flag(data, "use_rslora"),
    )


def _check_keys(data: Mapping[str, Any]) -> None:
    """Refuse unknown keys, except those that are null, false or empty."""
    for key, value in data.items():
        off = value is None or value is False or value in ({}, [], "")
        if key not in _READ | _HARMLESS and not off and _DEFAULTS.get(key) != value:
            name = key if _PLAIN.fullmatch(key) and len(key) <= 40 else "(unreadable)"
            raise RefusedFile(f"its setting {name} is not one that is served", _RETRAIN)


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
    if not isinstance(value, dict) or len(value) > 4096:
        raise RefusedFile(f"its {key} is not a table", "export it again")
    return value


def _names(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > 4096:
        raise RefusedFile(
            f"its {key} is not a list of names", "name the modules one by one, without patterns"
        )
    return tuple(_plain(name) for name in value)


def _plain(name: Any) -> str:
    if not isinstance(name, str) or len(name) > 200 or not _PLAIN.fullmatch(name):
        raise RefusedFile("it names modules by a pattern", "name the modules one by one, without patterns")
    return name


def _layers(data: Mapping[str, Any]) -> bool:
    layers = data.get("layers_to_transform")
    given = layers if isinstance(layers, list) else [layers] if layers is not None else []
    if any(type(layer) is not int for layer in given):
        raise RefusedFile("its layers_to_transform are not numbers", "export it again")
    return bool(given)


def _ends(module: str, name: str) -> bool:
    return module == name or module.endswith("." + name)
