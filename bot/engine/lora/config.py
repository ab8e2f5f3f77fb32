"""The settings of a LoRA adapter (adapter_config.json), by a schema that refuses all unlisted keys."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.engine.lora.module_pattern import ModulePattern, UnknownPattern
from bot.engine.lora.refusals import ADOPT, MERGE, RETRAIN, refused_setting
from bot.untrusted import RefusedFile

MAX_RANK = 256
MAX_NAMES = 4096  # of a list or table of modules
MAX_PATTERNS, PATTERN_LENGTH = 16, 100  # of a table, beside names with dots
_PLAIN = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")

_READ = {
    *("peft_type", "task_type", "r", "lora_alpha", "target_modules", "exclude_modules"),
    *("layers_to_transform", "layers_pattern", "rank_pattern", "alpha_pattern", "use_rslora", "bias"),
    *("base_model_name_or_path", "init_lora_weights"),
}
# How training began or computed, or how a library wraps the model. The matrices alone say what was learned.
_HARMLESS = {
    *("peft_version", "revision", "inference_mode", "lora_dropout", "fan_in_fan_out", "qalora_group_size"),
    *("auto_mapping", "runtime_config", "eva_config", "corda_config", "lora_ga_config", "merge_weights"),
    "ensure_weight_tying",  # the pair of tied embeddings is in the file, and refused there
    *("lora_dtype", "lorap_lr_ratio", "lorap_emb_lr"),  # ms-swift
}
_DEFAULTS: dict[str, Any] = {"megatron_core": "megatron.core"}  # PEFT writes it into every adapter
_SAME_BASE = ("gaussian", "eva", "orthogonal", "mica")  # ways to begin that leave the base model as it is
_CHANGED_BASE = ("pissa", "olora", "corda", "lora_ga")  # PEFT converts adapters of these back


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """The settings that serving needs.

    `targets` is None where they name no layers one by one: then the tensors say which layers are adapted. No
    pattern of a config is ever searched in a name. Modules go by their names in the adapter's file.
    """

    base: str
    r: int
    alpha: float
    ranks: Mapping[ModulePattern, int]
    alphas: Mapping[ModulePattern, float]
    targets: tuple[str, ...] | None
    excluded: tuple[str, ...]
    complete: bool  # the weights must have every module that the settings name
    rslora: bool

    def rank(self, module: str) -> int:
        """Return the rank of a module's matrices."""
        return next((rank for name, rank in self.ranks.items() if _matches(module, name)), self.r)

    def scale(self, module: str) -> float:
        """Return the factor of a module's change: alpha / rank, or alpha / sqrt(rank) for rsLoRA."""
        alpha = next((alpha for name, alpha in self.alphas.items() if _matches(module, name)), self.alpha)
        rank = self.rank(module)
        return alpha / (math.sqrt(rank) if self.rslora else rank)

    def targets_module(self, module: str) -> bool:
        """Return whether the settings target a module."""
        if any(_ends(module, name) for name in self.excluded):
            return False
        return self.targets is None or any(_ends(module, name) for name in self.targets)


def parse_config(data: Mapping[str, Any]) -> LoraConfig:
    """Validate an adapter_config.json, key by key; raises RefusedFile."""
    _check_kind(data)
    _check_keys(data)
    if data.get("bias", "none") != "none":
        raise RefusedFile("it trains biases, which are not served", f"train it with bias = none, or {MERGE}")
    _check_start(data.get("init_lora_weights", True))
    targets, excluded = data.get("target_modules"), data.get("exclude_modules") or []
    by_pattern = isinstance(targets, str) or isinstance(excluded, str)
    return LoraConfig(
        base=_text(data, "base_model_name_or_path"),
        r=_rank(data.get("r", 8)),
        alpha=_alpha(data.get("lora_alpha", 8)),
        ranks={name: _rank(rank) for name, rank in _patterns(data, "rank_pattern")},
        alphas={name: _alpha(alpha) for name, alpha in _patterns(data, "alpha_pattern")},
        targets=None if isinstance(targets, str) else _names(targets, "target_modules"),
        excluded=() if isinstance(excluded, str) else _names(excluded, "exclude_modules"),
        complete=not by_pattern and not excluded and not _layers(data),
        rslora=_flag(data, "use_rslora"),
    )


def _check_kind(data: Mapping[str, Any]) -> None:
    """Refuse what is no LoRA adapter of PEFT for a chat model."""
    if is_mlx(data):
        raise RefusedFile("it was written by MLX, which lays its matrices out otherwise", ADOPT)
    kind, task = data.get("peft_type"), data.get("task_type")
    if kind != "LORA":
        raise RefusedFile(f"it is not a LoRA adapter for a chat model but {_shown(kind)}", RETRAIN)
    if task not in (None, "CAUSAL_LM"):
        raise RefusedFile(
            f"it is not a LoRA adapter for a chat model: it was trained for the task {_shown(task)}", RETRAIN
        )


def is_mlx(data: Mapping[str, Any]) -> bool:
    """Return whether an adapter_config.json is MLX's own."""
    return "peft_type" not in data and ("lora_parameters" in data or "fine_tune_type" in data)


def _check_keys(data: Mapping[str, Any]) -> None:
    """Refuse unknown keys, except those that are null, false or empty."""
    for key, value in data.items():
        off = value is None or value is False or value in ({}, [], "")
        if key not in _READ | _HARMLESS and not off and _DEFAULTS.get(key) != value:
            raise refused_setting(key)


def _check_start(start: Any) -> None:
    """Refuse matrices that began as a part of the base model, which is then no longer the one they need.

    PEFT writes `init_lora_weights = true` when it saves such an adapter as a plain one.
    """
    if start is None or type(start) is bool or start in _SAME_BASE:
        return
    name = start.lower() if isinstance(start, str) else ""
    if name.startswith(_CHANGED_BASE):
        raise RefusedFile(
            f"its training changed the base model's weights (init_lora_weights = {_shown(start)}), and it "
            "needs the changed ones",
            "save it as a plain LoRA adapter where it was trained, with PEFT's save_pretrained(DIR, "
            "path_initial_model_for_weight_conversion=...)",
        )
    if name.startswith("loftq"):
        raise RefusedFile(
            "its training changed the base model's weights (init_lora_weights = loftq): it corrects the "
            "error of a base model that LoftQ quantised",
            MERGE,
        )
    raise RefusedFile(
        f"its init_lora_weights {_shown(start)} is not a way to begin that is known here", MERGE
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


def _patterns(data: Mapping[str, Any], key: str) -> list[tuple[ModulePattern, Any]]:
    """Return a table's patterns of module names with their values."""
    found = [(_pattern(name, key), value) for name, value in _table(data, key).items()]
    if sum(not pattern.is_name for pattern, _ in found) > MAX_PATTERNS:
        raise RefusedFile(
            f"its {key} has more than {MAX_PATTERNS} patterns", f"name the modules in its {key}"
        )
    return found


def _pattern(text: str, key: str) -> ModulePattern:
    try:
        pattern = ModulePattern(text)
    except UnknownPattern as unknown:
        raise RefusedFile(
            f"its {key} names modules by a pattern that is not followed here",
            f"name the modules in the {key} of its adapter_config.json one by one",
        ) from unknown
    if len(text) > (200 if pattern.is_name else PATTERN_LENGTH):
        raise RefusedFile(f"its {key} has names that are too long", "export it again")
    return pattern


def _names(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        raise RefusedFile(
            f"its {key} is not a list of names", "name the modules one by one, without patterns"
        )
    return tuple(_plain(name) for name in value)


def _plain(name: Any) -> str:
    if not isinstance(name, str) or len(name) > 200 or not _PLAIN.fullmatch(name):
        raise RefusedFile("it names modules by a pattern", "name the modules one by one, without patterns")
    return name


def _shown(value: Any) -> str:
    """Return a value of a stranger's config fit for a message."""
    return (
        value if isinstance(value, str) and len(value) <= 40 and _PLAIN.fullmatch(value) else "(unreadable)"
    )


def _layers(data: Mapping[str, Any]) -> bool:
    layers = data.get("layers_to_transform")
    given = layers if isinstance(layers, list) else [layers] if layers is not None else []
    if any(type(layer) is not int for layer in given):
        raise RefusedFile("its layers_to_transform are not numbers", "export it again")
    pattern = data.get("layers_pattern")
    if not all(isinstance(name, str) for name in (pattern if isinstance(pattern, list) else [pattern or ""])):
        raise RefusedFile("its layers_pattern is no text", "export it again")
    return bool(given)


def _matches(module: str, pattern: ModulePattern) -> bool:
    return _ends(module, pattern.text) if pattern.is_name else pattern.matches(module)


def _ends(module: str, name: str) -> bool:
    return module == name or module.endswith("." + name)
