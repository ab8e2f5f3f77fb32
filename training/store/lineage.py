"""Lineage: pseudonyms of authors, people who opted out, and the authors whose words an adapter holds."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bot.adapter.files import MANIFEST
from bot.adapter.manifest import read_manifest
from bot.errors import UserError
from bot.files import write_private
from bot.untrusted import RefusedFile
from training.scrub.key import KEY, read_key
from training.store.lists import OPT_OUTS, read_list

_MANIFEST_BYTES = 64 << 20  # of a run: a million authors


class Pseudonyms:
    """Ids that tell a persona's authors apart without naming them.

    They are keyed with a secret of 32 bytes in the private work folder: without it, an author's id cannot be
    found by trying all ids that a platform gives.
    """

    def __init__(self, work: Path) -> None:
        self._path = work / KEY

    @cached_property
    def _key(self) -> bytes:
        return read_key(self._path)

    def of(self, platform: str, author: str) -> str:
        """Return an author's pseudonym: 32 hexadecimal digits."""
        return hmac.digest(self._key, f"{platform}/{author}".encode(), hashlib.sha256).hex()[:32]


@dataclass(frozen=True, slots=True)
class OptOuts:
    """People whose words are never used; each is listed by an id, or platform/id, or a pseudonym."""

    listed: frozenset[str]
    pseudonyms: Pseudonyms

    def __contains__(self, author: tuple[str, str]) -> bool:
        platform, id = author
        if not self.listed:
            return False
        return not self.listed.isdisjoint((id, f"{platform}/{id}", self.pseudonyms.of(platform, id)))


def read_opt_outs(work: Path) -> OptOuts:
    """Read work/optouts.txt; # begins a comment."""
    return OptOuts(frozenset(read_list(work / OPT_OUTS)), Pseudonyms(work))


def add_opt_out(work: Path, pseudonym: str) -> None:
    """Add an author to work/optouts.txt, so that no later build uses the author's words."""
    path = work / OPT_OUTS
    before = path.read_bytes() if path.exists() else b""
    if pseudonym not in before.decode("utf-8", "replace").split():
        write_private(
            path, [before, b"" if before[-1:] in (b"", b"\n") else b"\n", pseudonym.encode(), b"\n"]
        )


def read_adapter_authors(folder: Path) -> Iterator[tuple[Path, frozenset[str]]]:
    """Yield each manifest below a persona's folder, with the pseudonyms whose words its adapter holds.

    A manifest is a manifest.json with {"lineage": {"authors": [pseudonym, ...]}}. Raises `UserError` for a
    manifest without them.
    """
    for path in sorted(folder.rglob(MANIFEST)):
        try:
            lineage = read_manifest(path.parent, _MANIFEST_BYTES).lineage
        except (RefusedFile, OSError):
            lineage = None
        if lineage is None:
            raise UserError(
                f"{path} does not say whose words its adapter holds: delete the adapter, or train it again."
            )
        yield path, lineage.authors
