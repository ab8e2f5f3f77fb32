"""Paths of this machine in the JSON of an adapter, which others need not read: their last parts stay."""

import re
from typing import Any

_MODEL_KEYS = ("base_model_name_or_path", "base_model", "adopted", "continued_from")  # may be paths
_PATH = re.compile(r"(?:/|~|\.{1,2}[/\\]|[A-Za-z]:[/\\])\S")


def without_model_folders(value: Any) -> Any:
    """Return JSON with the last part of each path that stands for a model."""
    if isinstance(value, list):
        return [without_model_folders(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _last_part(each) if key in _MODEL_KEYS and isinstance(each, str) else without_model_folders(each)
        for key, each in value.items()
    }


def without_folders(value: Any) -> Any:
    """Return JSON with the last part of each model's path, and of each text that is a path of its own."""
    if isinstance(value, list):
        return [without_folders(each) for each in value]
    if isinstance(value, dict):
        plain = without_model_folders(value)
        return {key: without_folders(each) for key, each in plain.items()}
    return _last_part(value) if isinstance(value, str) and _PATH.match(value) else value


def _last_part(name: str) -> str:
    is_path = bool(_PATH.match(name)) or name.startswith(".") or name.count("/") > 1 or "\\" in name
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1] if is_path else name
