"""Removal of private details from texts before a model is trained on them, and a review for a person.

The names below are loaded from their modules at first use: an import of one module of this package loads no
other.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.scrub.detectors.span import (
        PRIVATE_KINDS,
        KnownPerson,
        Replacement,
        ScrubbedText,
        SpanLabel,
    )
    from training.scrub.key import read_key
    from training.scrub.review import ScrubReview
    from training.scrub.roster import list_people
    from training.scrub.scrubber import Scrubber

__all__ = [
    "PRIVATE_KINDS",
    "KnownPerson",
    "Replacement",
    "ScrubReview",
    "ScrubbedText",
    "Scrubber",
    "SpanLabel",
    "list_people",
    "read_key",
]
_SPAN_NAMES = ("PRIVATE_KINDS", "KnownPerson", "Replacement", "ScrubbedText", "SpanLabel")
_MODULES = {
    **dict.fromkeys(_SPAN_NAMES, "detectors.span"),
    "ScrubReview": "review",
    "Scrubber": "scrubber",
    "list_people": "roster",
    "read_key": "key",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
