"""The files in a persona's folder: card, lorebook and adapters, and cards that lie in no such folder."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bot.adapter.folders import OTHERS, folder_in, other_slots
from bot.adapter.manifest import SpeakerNames, read_manifest, trained_names
from bot.errors import UserError
from bot.persona import avatar
from bot.persona import card as cards
from bot.persona.card import Card
from bot.persona.card_file import decode_card
from bot.persona.lorebook import Lorebook
from bot.persona.lorebook_reader import check_lorebook, read_lorebook
from bot.system.ownership import check_owner
from bot.untrusted import RefusedFile

_LIMIT = 8 << 20  # bytes of a file with a card or a lorebook


def path_inside(folder: Path, path: Path) -> Path:
    """Return a path inside the persona's folder. Raises `UserError` if it leads out or is another user's."""
    whole = folder / path
    if "\x00" in str(path) or not Path(os.path.realpath(whole)).is_relative_to(os.path.realpath(folder)):
        raise UserError(f"{str(path)!r} leads out of the folder {folder}: keep the persona's files in it")
    check_owner(whole)
    return whole


def read_card_file(path: Path) -> Card:
    """Read a card's file. Raises `UserError` with the file and its fault."""
    try:
        return cards.read_card(_file_text(path))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: write a card there, or set the key `card`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    except UserError as error:
        raise UserError(f"the card {path} cannot be used: {error}") from None


def read_folder_lorebook(path: Path) -> Lorebook:
    """Return the lorebook of a persona's folder; an empty one where there is none."""
    try:
        return read_lorebook(check_lorebook(cards.parse_object(_file_text(path))))
    except FileNotFoundError:
        return Lorebook()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    except UserError as error:
        raise UserError(f"the lorebook {path} cannot be used: {error}") from None


def _file_text(path: Path) -> str:
    """Return the JSON text of a card's or lorebook's file."""
    if path.exists() and not path.is_file():
        raise UserError("it is not a file")
    if path.stat().st_size > _LIMIT:
        raise UserError(f"it has more than {_LIMIT:,} bytes")
    return decode_card(path.read_bytes())


def adapter_names(folders: Iterable[Path]) -> SpeakerNames | None:
    """Return the rule for speakers' names of the first adapter whose manifest tells it; None without any."""
    for folder in folders:
        with suppress(RefusedFile):  # the choice among adapters says why
            if names := trained_names(read_manifest(folder)):
                return names
    return None


def other_adapters(folder: Path) -> tuple[Path, ...]:
    """Return the folders in adapters/ that hold adapters, by name."""
    path_inside(folder, Path(OTHERS))
    found = (adapter_in(folder, slot) for slot in other_slots(folder))
    return tuple(filter(None, found))


def adapter_in(folder: Path, slot: Path) -> Path | None:
    """Return the folder that holds the adapter of a slot in a persona's folder; None where there is none."""
    found = folder_in(slot)
    return found and path_inside(folder, found.relative_to(folder))


def find_avatar(folder: Path, named: Path | None, card: str) -> Path | None:
    """Return the picture that persona.toml names, else an avatar, else the picture `card`; None without any.

    Raises `UserError` for a picture that cannot be used.
    """
    pictures = [named] if named else [Path(name) for name in (*avatar.PICTURE_NAMES, card)]
    paths = [path_inside(folder, path) for path in pictures]
    found = next((path for path in paths if named or path.exists()), None)
    return found and avatar.check_picture(found)


def loose_cards(folder: Path) -> dict[str, str]:
    """Return the fault of each card in the folder of all personas itself, by the key that it should have."""
    faults = {}
    for path in sorted(folder.iterdir()):
        kind, home = path.suffix.lower(), folder / path.stem
        if kind in (".json", ".png") and path.name[0] not in "._" and _is_card(folder, path.name):
            key = path.name if home.exists() else path.stem
            place = "a new folder" if home.exists() else home / f"card{kind}"
            faults[key] = f"the card {path} must lie in a folder of its own: move it to {place}"
    return faults


def _is_card(folder: Path, name: str) -> bool:
    try:
        read_card_file(path_inside(folder, Path(name)))
    except UserError:
        return False
    return True
