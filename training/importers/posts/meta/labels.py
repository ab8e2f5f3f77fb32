"""The labels of Instagram's files, which are written in the language of the person who asked for them."""

from training.importers.reading.normalise import repair_latin1
from training.importers.reading.phrases import phrases_of


def is_label(kind: str, label: object) -> bool:
    """Return whether a label is one of this kind in any language, such as "caption label"."""
    return isinstance(label, str) and repair_latin1(label).casefold().strip() in phrases_of("instagram", kind)
