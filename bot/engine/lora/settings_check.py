"""The settings of an adapter that say which method it is: plain LoRA is served, all else is refused."""

import re
from collections.abc import Mapping
from typing import Any

from bot.engine.lora.refusals import ADOPT, MERGE, RETRAIN, refused_setting
from bot.untrusted import RefusedFile

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
_WORD = re.compile(r"[A-Za-z0-9_]{1,40}")


def check_settings(data: Mapping[str, Any]) -> None:
    """Raise `RefusedFile` for an adapter_config.json of another method than plain LoRA for a chat model."""
    _check_kind(data)
    _check_keys(data)
    if data.get("bias", "none") != "none":
        raise RefusedFile("it trains biases, which are not served", f"train it with bias = none, or {MERGE}")
    _check_start(data.get("init_lora_weights", True))


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


def _shown(value: Any) -> str:
    """Return a value of a stranger's config fit for a message."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "(unreadable)"
