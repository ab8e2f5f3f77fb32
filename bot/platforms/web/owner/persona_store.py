"""Persona folders as the owner edits them: a change that would not load is refused, and changes nothing."""

import hashlib
import stat
from collections.abc import Mapping
from pathlib import Path

from bot.api.errors import ApiError
from bot.errors import UserError
from bot.files import open_draft
from bot.persona.avatar import PICTURE_NAMES, picture_format
from bot.persona.persona import (
    CARD_NAMES,
    PersonaFile,
    assemble_persona,
    card_path,
    load_persona,
    read_persona_file,
)
from bot.persona.persona_files import path_inside, read_card_file
from bot.platforms.web.owner.card_edit import CardChanges, change_card
from bot.platforms.web.owner.persona_keys import KeyValue, change_keys
from bot.system import replacing
from bot.toml import read_toml

TOML = "persona.toml"
PICTURE_BYTES = 8 << 20
_PICTURES = {"png": "avatar.png", "jpeg": "avatar.jpg", "webp": "avatar.webp"}


def folder_revision(folder: Path) -> str:
    """Return a name of what card and persona.toml say now."""
    digest = hashlib.sha256()
    for path in (folder / TOML, card_file(folder)):
        content = path.read_bytes() if path.is_file() else b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


def card_file(folder: Path) -> Path:
    """Return the file of a persona's card. Raises `UserError`."""
    return card_path(folder, read_persona_file(folder))


def save_card(folder: Path, revision: str, changes: CardChanges) -> None:
    """Change fields of a persona's card. Raises `UserError`, and `ApiError` for an older revision.

    A card in a picture stays there, and card.json, which goes before it, is written beside it.
    """
    check_revision(folder, revision)
    keys, path = read_persona_file(folder), card_file(folder)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    changed, card = change_card(content, changes)
    if picture_format(content) is not None:
        if keys.card is not None:
            raise UserError(
                f"The card is in the picture {path.name}, which {TOML} names: take its key `card` away."
            )
        path = path_inside(folder, Path(CARD_NAMES[0]))
    assemble_persona(folder, keys, card)
    _replace(path, changed)


def save_keys(folder: Path, revision: str, changes: Mapping[str, KeyValue]) -> None:
    """Change keys of a persona's persona.toml. Raises `UserError`, and `ApiError` for an older revision."""
    check_revision(folder, revision)
    path = path_inside(folder, Path(TOML))
    changed, keys = changed_keys(folder, changes)
    assemble_persona(folder, keys, read_card_file(card_path(folder, keys)))
    _replace(path, changed.encode("utf-8"))


def changed_keys(folder: Path, changes: Mapping[str, KeyValue]) -> tuple[str, PersonaFile]:
    """Return the text of persona.toml with these keys, and what is read from it."""
    path = folder / TOML
    return change_keys(read_toml(path, "make one") if path.exists() else "", changes, path)


def save_picture(folder: Path, content: bytes) -> None:
    """Make a picture the persona's own. Raises `UserError` for one that no platform takes."""
    kind = picture_format(content[:16]) or ""
    if kind not in _PICTURES:
        raise UserError("This is no picture that can be shown: use PNG, WebP or JPEG.")
    if len(content) > PICTURE_BYTES:
        raise UserError(f"The picture has more than {PICTURE_BYTES:,} bytes: make it smaller.")
    if named := read_persona_file(folder).avatar:
        raise UserError(
            f"{TOML} names the picture {named}: replace that file, or take the key `avatar` away."
        )
    path = path_inside(folder, Path(_PICTURES[kind]))
    load_persona(folder)
    _replace(path, content)
    for name in PICTURE_NAMES:
        if name != path.name:
            replacing.delete(folder / name)


def check_revision(folder: Path, revision: str) -> None:
    """Raise `ApiError` where somebody changed the files since the page read them."""
    if revision != folder_revision(folder):
        message = "The persona's files were changed meanwhile: load the page again, then change them."
        raise ApiError(409, message, "revision", "changed_meanwhile")


def _replace(path: Path, content: bytes) -> None:
    """Replace a file as a whole; a new one is its owner's alone, another keeps its rights."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    with open_draft(path) as draft:
        draft.write(content)
    path.chmod(mode)
