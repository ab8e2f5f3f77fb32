"""The folders of a persona's adapters: `adapter/`, and `adapters/BASE/` for each further base model.

Each is a slot, which is replaced as a whole. Beside its home lie, for moments or for good, the new adapter,
which is whole (`.new`), the one before (`.previous`) and a draft that nobody reads (`.draft`).
"""

import re
from pathlib import Path

HOME, OTHERS = "adapter", "adapters"
NEW, PREVIOUS, DRAFT = ".new", ".previous", ".draft"
READ = ("", NEW, PREVIOUS)  # a slot's folders that may hold its adapter, the first one that is there
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST, _DIGITS = 32, 8  # characters of a base model's name, and of its fingerprint


def other_slots(folder: Path) -> list[Path]:
    """Return the homes of the slots in a persona's adapters/, by name."""
    others = folder / OTHERS
    if not others.is_dir():
        return []
    return sorted({slot_of(path) for path in others.iterdir() if path.is_dir() and path.name[0] != "."})


def slot_of(path: Path) -> Path:
    """Return the home of the slot that a folder is of."""
    for end in (NEW, PREVIOUS, DRAFT):
        if path.name.endswith(end) and path.name != end:
            return path.with_name(path.name.removesuffix(end))
    return path


def folder_in(slot: Path) -> Path | None:
    """Return the folder that holds a slot's adapter; None for an empty slot."""
    folders = (slot.with_name(slot.name + end) for end in READ)
    return next((folder for folder in folders if folder.is_dir()), None)


def slot_for(folder: Path, base: str, fingerprint: str) -> Path:
    """Return the home in adapters/ for a base model: the end of its name, and 8 digits of its fingerprint.

    The name is for people alone: which base model an adapter is for is in its manifest.
    """
    last = re.split(r"[/\\]", base.rstrip("/\\"))[-1].removesuffix(".gguf")
    name = _UNFIT.sub("-", last)[:_LONGEST].strip(".-_")
    return folder / OTHERS / f"{name or 'model'}-{fingerprint[:_DIGITS]}"


def described_adapter(folder: Path | None, persona: str) -> str:
    """Return whose adapter a persona speaks with and where it lies; `persona` is the persona's key."""
    return f"with {persona}'s adapter in {shown_folder(folder)}" if folder else "without an adapter"


def shown_folder(path: Path) -> str:
    """Return an adapter's folder as people find it inside the persona's: adapter/, adapters/BASE/."""
    inside = f"{OTHERS}/{path.name}" if path.parent.name == OTHERS else path.name
    return f"{inside}/"
