"""A new persona's folder: a card, and a persona.toml with every key as a comment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.errors import UserError
from bot.files import FolderSwap, recover_folder, replace_folder, write_private
from bot.persona.avatar import picture_format
from bot.persona.card import Card, read_card
from bot.persona.card_file import decode_card
from bot.persona.persona import CARD_NAMES, Cast, load_cast
from bot.system.names import fault_of_name

_CARD_BYTES = 8 << 20
_LONGEST_KEY = 64  # characters of a folder's name
_NOTES = (
    "description: who this is. personality: what they are like and how they speak. scenario: where you meet. "
    "first_mes: the greeting. mes_example: lines of a chat in their words. These notes are in no prompt."
)
SETTINGS = """\
# What card.json cannot say about this persona. Take the # away before what you want to set; docs/personas.md
# has every key. Who the persona is stands in card.json. What else may lie in this folder: avatar.png (its
# face), documents/ (texts about it, .txt and .md, learned as facts), lorebook.json (world info).
# `python -m training make EXPORT --persona NAME` learns from what somebody said, and adds adapter/.

# names = []          # what it answers to, beside its card's name
# strength = 1.0      # of its adapter, 0 to 1.5
# bursts = false      # whether each line of a reply is a message of its own
# notices = []        # what it reads beside messages: "reactions", "pins", "joins"
# speaker_names = "always"   # in prompts, of its own adapter: also "groups", "never"
# template = ""       # a chat template, where the base model's does not suit the adapter

[sampling]
# temperature = 0.8   # 0 always takes the likeliest word
# top_p = 0.95
# top_k = 0
# min_p = 0.05
# repetition_penalty = 1.1
# presence_penalty = 0    # of words that the answer holds already, -2 to 2
# frequency_penalty = 0   # the same, as often as it holds them
# min_tokens = 0
# max_tokens = 256    # the longest answer

[history]             # how much of a conversation it reads again, where not all that fits
# rounds = 20         # earlier rounds: what others say, and its answer
# tokens = 2000

[training]            # `python -m training train --plan` prints all values with their reasons
# rank = 16           # of the adapter's matrices
# epochs = 3
# rate = 5e-4         # the peak learning rate
# batch = 16          # answers in a step
"""


@dataclass(frozen=True, slots=True)
class NewCard:
    """The file of a new card: its name in the folder, and its content."""

    name: str
    content: bytes
    card: Card


def write_card(name: str, fields: Mapping[str, str]) -> NewCard:
    """Return a card (chara_card_v3) with these texts; raises `UserError` for a name that no card may have."""
    texts = {"description": "", "personality": "", "scenario": "", "first_mes": "", "mes_example": ""}
    data = {"name": name, **texts, **fields, "creator_notes": _NOTES, "extensions": {}}
    card = {"spec": "chara_card_v3", "spec_version": "3.0", "data": data}
    content = json.dumps(card, ensure_ascii=False, indent=2) + "\n"
    return NewCard(CARD_NAMES[0], content.encode("utf-8"), read_card(content))


def read_new_card(path: Path) -> NewCard:
    """Read a card that is to be copied, JSON or PNG; raises `UserError` with the file and its fault."""
    try:
        if path.stat().st_size > _CARD_BYTES:
            raise UserError(f"it has more than {_CARD_BYTES:,} bytes")
        content = path.read_bytes()
        card = read_card(decode_card(content))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The card {path} cannot be read: {error}.") from None
    except UserError as error:
        raise UserError(f"The card {path} cannot be used: {error}.") from None
    return NewCard(CARD_NAMES[picture_format(content) is not None], content, card)


def check_key(personas: Path, key: str) -> None:
    """Raise `UserError` for a name that no folder of a persona may have."""
    fault = fault_of_name(key)
    if not fault and (not key.strip() or key[0] in "._-" or key != key.strip()):
        fault = "it begins with a dot, a line or a blank, or is empty"
    if not fault and len(key) > _LONGEST_KEY:
        fault = f"it has more than {_LONGEST_KEY} characters"
    if fault:
        raise UserError(f"{key!r} is no name for a persona's folder in {personas}: {fault}.")


def check_free(cast: Cast, key: str) -> None:
    """Raise `UserError` for a name that another persona has, as its folder or as what it is called."""
    taken = {each.casefold(): each for each in (*cast.broken, *cast.personas)}
    for persona in cast.personas.values():
        called = (persona.name, persona.card.name, *persona.names)
        taken |= {name.casefold(): persona.key for name in called if name.casefold() not in taken}
    if (owner := taken.get(key.casefold())) is not None:
        raise UserError(
            f"The name {key!r} is taken by the persona {owner!r} in {cast.folder}: choose another one, or "
            "change that persona."
        )


def make_persona(personas: Path, key: str, card: NewCard) -> Path:
    """Make a persona's folder, as a whole or not at all, and return it.

    A folder that is there without a card keeps all that it holds. Raises `UserError` where it cannot be
    written.
    """
    folder = personas / key
    try:
        if folder.is_dir():
            _fill(folder, card)
            return folder
        swap = _swap(folder)
        recover_folder(swap)
        return replace_folder(swap, lambda draft: _fill(draft, card))
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from None


def cast_of(personas: Path) -> Cast:
    """Return all personas; nobody where their folder is not there yet."""
    return load_cast(personas) if personas.is_dir() else Cast({}, {}, personas)


def _fill(folder: Path, card: NewCard) -> None:
    """Write persona.toml, unless it is there, and then the card, which makes the folder a persona's."""
    if not (folder / "persona.toml").exists():
        write_private(folder / "persona.toml", [SETTINGS.encode("utf-8")])
    write_private(folder / card.name, [card.content])


def _swap(folder: Path) -> FolderSwap:
    """Return names that no list of personas shows."""
    draft, ready, previous = (folder.with_name(f".{folder.name}.{end}") for end in ("new", "ready", "old"))
    return FolderSwap(folder, draft, ready, previous)
