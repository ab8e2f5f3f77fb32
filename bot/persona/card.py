"""Character cards: versions 1, 2 and 3 (chara_card_v2, chara_card_v3) become one `Card`."""

import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.errors import UserError
from bot.json_fault import json_fault
from bot.persona.card_fields import clean_text, find_fields, mend_fields, misspelt_fields, unused_fields
from bot.persona.lorebook import DepthPrompt, Lorebook, read_depth_prompt
from bot.persona.lorebook_reader import read_lorebook
from bot.persona.macros import MAX_EXPANDED, MacroContext, expand_macros

MAX_NAME = 100  # characters of a name
MAX_TEXT = 100_000  # characters of a text that goes into prompts
MAX_GREETING = 10_000  # characters of a greeting, also with its macros expanded: a few messages
MAX_TEXTS = 200  # greetings of a kind, or tags
MAX_VALUES = 200_000  # in the JSON of a card, whatever they are
_MOST_NAMED = 12  # fields of a card without a name, in the error
_ANYBODY = "x" * 40  # as long as any label of a speaker
_START = re.compile(
    r"<[ \t]{0,8}START[ \t]{0,8}>|^[ \t]{0,8}END_OF_DIALOG[ \t]{0,8}$", re.IGNORECASE | re.MULTILINE
)
# the texts that macros stand for
_MACROS = {
    "description": "description",
    "personality": "personality",
    "scenario": "scenario",
    "charprompt": "system_prompt",
    "charinstruction": "post_history_instructions",
    "charjailbreak": "post_history_instructions",
    "mesexamples": "mes_example",
    "mesexamplesraw": "mes_example",
    "charfirstmessage": "first_mes",
    "greeting": "first_mes",
    "creatornotes": "creator_notes",
    "charcreatornotes": "creator_notes",
}


def _clean(value: object) -> object:
    """Return a field without NUL and lone surrogates. Real cards write null for a field that is left out."""
    if not isinstance(value, str):
        return "" if value is None else value
    return clean_text(value)


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

    `original` is the JSON object that was read, so that an export loses nothing. `warning` names the fields
    that were left out; it is empty where there is none.
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
    lorebook: Lorebook = Field(default=Lorebook(), repr=False, exclude=True)
    depth_prompt: DepthPrompt | None = Field(default=None, repr=False, exclude=True)
    warning: str = Field(default="", repr=False, exclude=True)
    original: dict[str, Any] = Field(default_factory=dict, repr=False, exclude=True)

    @property
    def called(self) -> str:
        """The name that {{char}} stands for."""
        return self.nickname or self.name

    @property
    def examples(self) -> tuple[str, ...]:
        """The example dialogues, block by block, without their <START> lines."""
        return tuple(block.strip() for block in _START.split(self.mes_example) if block.strip())

    @property
    def unused(self) -> tuple[str, ...]:
        """The fields and extensions of the JSON that hold something and that nothing here reads."""
        fields = find_fields(self.original)
        linked = {"extensions.world"} if self.lorebook else set[str]()  # the name of the book in the card
        return unused_fields(fields, {*type(self).model_fields, "extensions", "character_book", *linked})

    def scene(self, user: str, seed: str = "", time: float | None = None) -> MacroContext:
        """Return the values of macros for a reader, with the card's own texts."""
        texts = tuple((macro, getattr(self, field)) for macro, field in _MACROS.items())
        return MacroContext(self.called, user, seed=seed, time=time, texts=texts)

    def greetings(self, group: bool) -> tuple[str, ...]:
        """Return the greetings of a direct chat or a group, the preferred one first."""
        own = (self.first_mes, *self.alternate_greetings)
        return tuple(text for text in ((*self.group_only_greetings, *own) if group else own) if text.strip())


def read_card(text: str) -> Card:
    """Parse the JSON of a card of version 1, 2 or 3. Raises `UserError` that names the wrong field."""
    original = parse_object(text)
    fields, warning = mend_fields(find_fields(original))
    extensions = fields.get("extensions")
    parts = {
        "lorebook": read_lorebook(fields.get("character_book")),
        "depth_prompt": read_depth_prompt(extensions) if isinstance(extensions, dict) else None,
    }
    try:
        card = Card.model_validate({**fields, **parts, "warning": warning, "original": original})
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"][0] == "name" and first["type"] in ("missing", "string_too_short"):
            others = [key for key in fields if key != "name"][:_MOST_NAMED]
            there = ", ".join(key[:MAX_NAME] for key in others)
            has = f" (it has {clean_text(there)})" if there else ""
            raise UserError(f'it has no name: write one into its field "name"{has}') from None
        raise UserError(f'its field "{first["loc"][0]}" is wrong: {first["msg"].lower()}') from None
    _check_expanded(card)
    misspelt = misspelt_fields(card.unused, fields, Card.model_fields)
    warning = "; ".join(filter(None, (warning, misspelt.rstrip("?"))))
    return card.model_copy(update={"warning": warning}) if misspelt else card


def parse_object(text: str) -> dict[str, Any]:
    """Parse a bounded JSON object. Raises `UserError`."""
    if sum(map(text.count, ",[{")) > MAX_VALUES:  # a value of two characters takes 70 bytes of memory
        raise UserError(f"it has more than {MAX_VALUES:,} values")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"it is not valid JSON ({json_fault(text, error)})") from None
    if not isinstance(value, dict):
        raise UserError("it is not a JSON object")
    return value


def _check_expanded(card: Card) -> None:
    """Raise `UserError` where the macros of a field make it too long for any speaker.

    Only {{original}} stands for a text that is not known here, and the prompt builder refuses what it makes.
    """
    scene = card.scene(_ANYBODY)
    for field in ("description", "personality", "scenario", "system_prompt", "post_history_instructions"):
        expand_macros(getattr(card, field), scene, field)
    if card.depth_prompt:
        expand_macros(card.depth_prompt.text, scene, "depth_prompt")
    room = MAX_EXPANDED
    for block in card.examples:
        room -= len(expand_macros(block, scene, "mes_example", room))
    for field in ("first_mes", "alternate_greetings", "group_only_greetings"):
        value = getattr(card, field)
        for greeting in (value,) if isinstance(value, str) else value:
            expand_macros(greeting, scene, field, MAX_GREETING)
