"""The comparison of an adapter's base model with the running one, by names and hashes of the manifest."""

import re
from enum import IntEnum
from pathlib import Path
from typing import Protocol

from bot.adapter.manifest import AdapterManifest, Text

_SHOWN = 100  # characters of a base model's name


class ServedBase(Protocol):
    """The running base model, as far as adapters tell it from others."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str:
        """The SHA-256 of `model_fingerprint`."""

    @property
    def norms(self) -> str:
        """The fingerprint of its norms, which copies of the model share."""

    def other_base(self, folder: Path) -> str:
        """Return the other base model that an adapter without a manifest needs; "" if this one may do."""


class Fit(IntEnum):
    """Degrees to which an adapter fits a base model; the adapter of the highest one is taken."""

    NONE = 0
    UNPINNED = 1  # nothing says which base model it is for
    COPY = 2  # another copy of the model, or the same name where the manifest knows no more
    EXACT = 3  # the very files


def base_fit(manifest: AdapterManifest, base: ServedBase) -> Fit:
    """Compare the base model that a manifest names with the running one.

    `base_hash` decides. Another copy of the model, such as its GGUF file, has another one: it fits if it has
    the same name and `base_norms`. A manifest without a hash is compared by the name alone.
    """
    name, hash_ = manifest.base_model, manifest.base_hash
    if hash_ is None and name is None:
        return Fit.UNPINNED
    if hash_ == base.fingerprint:
        return Fit.EXACT
    is_copy = same_name(name, base.name) and (hash_ is None or _shares_norms(manifest, base))
    return Fit.COPY if is_copy else Fit.NONE


def same_name(one: Text, other: str) -> bool:
    """Return whether two names are of one base model, on the hub or a path."""
    return isinstance(one, str) and one.rstrip("/").lower() == other.rstrip("/").lower()


def tidy_name(name: Text) -> str:
    """Return untrusted text fit for a message: printable, one line, the last 100 characters of a long one."""
    text = name if isinstance(name, str) else ""
    tidy = re.sub(r"[^\w./+:-]+", " ", text).strip() or "(not named)"
    return tidy if len(tidy) <= _SHOWN else f"...{tidy[-_SHOWN:]}"


def _shares_norms(manifest: AdapterManifest, base: ServedBase) -> bool:
    norms = manifest.base_norms
    return isinstance(norms, str) and norms != "" and norms == base.norms
