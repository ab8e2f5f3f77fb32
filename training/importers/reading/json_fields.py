"""Fields of records whose shape nobody promises: a value of another type is as good as none."""

from typing import Any


def text_of(value: object) -> str:
    """Return a text; "" for anything else."""
    return value if isinstance(value, str) else ""


def text_field(fields: Any, key: str) -> str:
    """Return the text under a key of an object; "" for anything else."""
    return text_of(fields.get(key)) if isinstance(fields, dict) else ""


def object_field(fields: Any, key: str) -> dict[str, Any]:
    """Return the object under a key of an object; an empty one for anything else."""
    value = fields.get(key) if isinstance(fields, dict) else None
    return value if isinstance(value, dict) else {}
