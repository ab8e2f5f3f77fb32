"""Changes of a card's JSON that keep every field that they do not name, in each known layout."""

import json
from collections.abc import Mapping
from typing import Any

from bot.errors import UserError
from bot.persona.card import Card, parse_object, read_card
from bot.persona.card_fields import clean_text
from bot.persona.card_file import decode_card

TEXTS = (
    "name nickname description personality scenario first_mes mes_example system_prompt"
    " post_history_instructions creator_notes"
).split()
LISTS = ("alternate_greetings", "group_only_greetings", "tags")
CardChanges = Mapping[str, str | tuple[str, ...]]


def shown_card(card: Card) -> dict[str, object]:
    """Return the fields of a card that a form edits."""
    return {name: getattr(card, name) for name in (*TEXTS, *LISTS)}


def change_card(content: bytes, changes: CardChanges) -> tuple[bytes, Card]:
    """Return a card's JSON with these fields, and the card that is read from it.

    Raises `UserError` for a card that could not be read so, or would not say what was asked.
    """
    try:
        original = parse_object(decode_card(content))
    except UnicodeDecodeError as error:
        raise UserError(f"The card cannot be read: {error.reason}.") from None
    wanted = {name: _clean(value) for name, value in changes.items()}
    main = _main(original)
    main.update(wanted)
    # a card of version 3 may have copies of its fields for readers of version 1
    original.update((name, value) for name, value in wanted.items() if name in original)
    text = json.dumps(original, ensure_ascii=False, indent=2) + "\n"
    card = _read(text)
    for name, value in wanted.items():
        read = getattr(card, name)
        is_same = [*read] == value if name in LISTS else read.split() == str(value).split()
        if not is_same:
            raise UserError(
                f'The card\'s layout does not let "{name}" change: export the card as chara_card_v3.'
            )
    return text.encode("utf-8"), card


def _read(text: str) -> Card:
    try:
        return read_card(text)
    except UserError as error:
        raise UserError(f"The card could not be used so, and is as before: {error}.") from None


def _main(original: dict[str, Any]) -> dict[str, Any]:
    """Return the object of a card's JSON that holds its fields."""
    if isinstance(data := original.get("data"), dict):
        return data
    if isinstance(inner := original.get("character"), dict) and "name" not in original:
        return inner
    return original


def _clean(value: str | tuple[str, ...]) -> str | list[str]:
    return (
        clean_text(value) if isinstance(value, str) else [clean_text(text) for text in value if text.strip()]
    )
