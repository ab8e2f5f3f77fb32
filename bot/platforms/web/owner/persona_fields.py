"""Bodies by which personas are made, edited and previewed."""

from typing import Annotated

from pydantic import Field

from bot.api.errors import ApiError
from bot.persona.card import MAX_NAME, MAX_TEXT
from bot.platforms.web.fields import PageFields
from bot.platforms.web.owner.card_edit import LISTS, TEXTS, CardChanges
from bot.platforms.web.owner.persona_keys import KeyValue

MAX_HISTORY = 200  # messages of a preview
_MAX_KEYS = 200
CardText = Annotated[str, Field(max_length=MAX_TEXT)]
CardValue = CardText | list[CardText]
KeyText = Annotated[str, Field(max_length=MAX_TEXT)]
KeyField = bool | int | float | KeyText | Annotated[list[KeyText], Field(max_length=_MAX_KEYS)] | None


class NewPersona(PageFields):
    """A persona that is not there yet: the name of its folder, and a card of a few texts."""

    key: str = Field(max_length=MAX_NAME)
    name: str = Field(default="", max_length=MAX_NAME)
    description: CardText = ""
    first_mes: CardText = ""


class CardEdit(PageFields):
    """Fields of a card with their new values, and the revision that they were read at."""

    revision: str
    card: dict[str, CardValue]

    @property
    def changes(self) -> CardChanges:
        """The fields by name. Raises `ApiError` for one that no form edits, or of another type."""
        return card_changes(self.card)


class KeysEdit(PageFields):
    """Keys of persona.toml with their new values, null for one to leave out; and the revision."""

    revision: str
    keys: dict[str, KeyField]


class SaidFields(PageFields):
    """A message of a preview: a person's, or the persona's own where there is no author."""

    author: str = Field(default="", max_length=MAX_NAME)
    text: str


class PreviewFields(PageFields):
    """A prompt to be shown: of a place's history or of these messages, with changes that are not saved."""

    place: str | None = None
    history: list[SaidFields] = Field(default=[], max_length=MAX_HISTORY)
    card: dict[str, CardValue] = Field(default={})
    keys: dict[str, KeyField] = Field(default={})


def card_changes(card: dict[str, CardValue]) -> CardChanges:
    """Return fields of a card as they are written. Raises `ApiError` for what no form sends."""
    changes = dict[str, str | tuple[str, ...]]()
    for name, value in card.items():
        if name not in (LISTS if isinstance(value, list) else TEXTS):
            raise ApiError(
                400, f"card: there is no such field to edit: {name[:40]!r}.", "card", "invalid_value"
            )
        changes[name] = tuple(value) if isinstance(value, list) else value
    return changes


def key_changes(keys: dict[str, KeyField]) -> dict[str, KeyValue]:
    """Return keys of persona.toml as they are written."""
    return dict(keys)
