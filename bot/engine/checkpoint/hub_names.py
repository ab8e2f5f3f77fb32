"""Names on the hub: OWNER/NAME is a repository of safetensors, OWNER/NAME:Q4_K_M a GGUF file of one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_FILE = re.compile(r"([\w.-]+/[\w.-]+):([\w.-]+)")


def is_repository_name(text: str) -> bool:
    """Return whether a text is OWNER/NAME."""
    return _REPOSITORY.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class HubName:
    """A repository, and the label of one of its GGUF files: its name, or the type at the end of its name."""

    repository: str
    label: str = ""

    @classmethod
    def of(cls, name: str) -> "HubName":
        """Return the parts of a name."""
        found = _FILE.fullmatch(name)
        return cls(found[1], found[2]) if found else cls(name)

    @staticmethod
    def is_file_of_hub(name: str) -> bool:
        """Return whether a name means a GGUF file of a repository."""
        return _FILE.fullmatch(name) is not None

    def pick(self, files: Sequence[str]) -> str | None:
        """Return the file that the label means, of names without folders; None for none."""
        label = self.label.lower().removesuffix(".gguf")
        for file in sorted(files, key=lambda name: (len(name), name)):
            stem = file.lower().removesuffix(".gguf")
            if file.lower().endswith(".gguf") and (
                stem == label or stem.endswith(tuple(f"{sign}{label}" for sign in "-._"))
            ):
                return file
        return None


def cached_snapshot(repository: str) -> Path | None:
    """Return the folder of a repository's newest files in the hub's cache, or None."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text("ascii").strip()
    except (OSError, ValueError):
        return None
    snapshot = folder / "snapshots" / Path(commit).name
    return snapshot if commit and snapshot.is_dir() else None
