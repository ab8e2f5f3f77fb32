"""Character cards: versions 1, 2 and 3 (chara_card_v2, chara_card_v3) become one `Card`."""

import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.errors import UserError
from bot.persona.macros import MAX_EXPANDED, MacroContext, expand_macros

MAX_NAME = 100  # characters of a name
MAX_TEXT = 100_000  # characters of a text that goes into prompts
MAX_GREETING = 10_000  # characters of a greeting, also with its macros expanded: a few messages
MAX_TEXTS = 200  # greetings of a kind, or tags
MAX_VALUES = 200_000  # in the JSON of a card, whatever they are
_ANYBODY = "x" * 40  # as long as any label of a speaker
_START = re.compile(r"<START>", re.IGNORECASE)


def _clean(value: object) -> object:
    """Return a field without NUL and lone surrogates. Real cards write null for a field that is left out."""
    if not isinstance(value, str):
        return "" if value is None else value
    return value.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _one_line(value: object) -> object:
    value = _clean(value)
    return " ".join(value.split()) if isinstance(value, str) else value


Text = Annotated[str, Field(max_length=MAX_TEXT), BeforeValidator(_clean)]
Greeting = Annotated[str, Field(max_length=MAX_GREETING), BeforeValidator(_clean)]
Name = Annotated[str, Field(max_length=MAX_NAME), BeforeValidator(_one_line)]
Texts = Annotated[
    tuple[Greeting, ...], Field(max_length=MAX_TEXTS), BeforeValidator(lambda value: value or ())
]


class Card(BaseModel):
    """A character. Texts are raw: the prompt builder expands macros for the current speaker.

    `original` is the JSON object that was read, so that an export loses nothing.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Name = Field(min_length=1)
    description: Text = ""
    personality: Text = ""
    scenario: Text = ""
    first_mes: Greeting = ""
    mes_example: Text = ""
    system_prompt: Text = ""
    post_history_instructions: Text = ""
    nickname: Name = ""
    creator_notes: Text = ""
    alternate_greetings: Texts = ()
    group_only_greetings: Texts = ()
    tags: Texts = ()
    original: dict[str, Any] = Field(default_factory=dict, repr=False, exclude=True)

    @property
    def called(self) -> str:
        """The name that {{char}} stands for."""
        return self.nickname or self.name

    @property
    def examples(self) -> tuple[str, ...]:
        """The example dialogues, block by block, without their <START> lines."""
        return tuple(block.strip() for block in _START.split(self.mes_example) if block.strip())

    def greetings(self, group: bool) -> tuple[str, ...]:
        """Return the greetings of a direct chat or a group, the preferred one first."""
        own = (self.first_mes, *self.alternate_greetings)
        return tuple(text for text in ((*self.group_only_greetings, *own) if group else own) if text.strip())


def read_card(text: str) -> Card:
    """Parse the JSON of a card of version 1, 2 or 3. Raises `UserError` that names the wrong field."""
    if sum(map(text.count, ",[{")) > MAX_VALUES:  # a value of two characters takes 70 bytes of memory
        raise UserError(f"it has more than {MAX_VALUES:,} values")
    try:
        original = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"it is not valid JSON ({error})") from None
    if not isinstance(original, dict):
        raise UserError("it is not a JSON object")
    data = original.get("data") if {"spec", "data"} & original.keys() else original
    if not isinstance(data, dict):
        raise UserError('its "data" is not an object')
    try:
        card = Card.model_validate({**data, "original": original})
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f'its field "{first["loc"][0]}" is wrong: {first["msg"].lower()}') from None
    _check_expanded(card)
    return card


def _check_expanded(card: Card) -> None:
    """Raise `UserError` where the macros of a field make it too long for any speaker.

    Only {{original}} stands for a text that is not known here, and the prompt builder refuses what it makes.
    """
    scene = MacroContext(card.called, _ANYBODY)
    for field in ("description", "personality", "scenario", "system_prompt", "post_history_instructions"):
        expand_macros(getattr(card, field), scene, field)
    room = MAX_EXPANDED
    for block in card.examples:
        room -= len(expand_macros(block, scene, "mes_example", room))
    for field in ("first_mes", "alternate_greetings", "group_only_greetings"):
        value = getattr(card, field)
        for greeting in (value,) if isinstance(value, str) else value:
            expand_macros(greeting, scene, field, MAX_GREETING)
