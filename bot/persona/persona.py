"""Personas: a card, usually a LoRA adapter, and sampling settings, read from a folder."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from bot.errors import UserError
from bot.persona import avatar
from bot.persona import card as cards
from bot.persona.card import MAX_NAME, Card
from bot.persona.card_file import decode_card
from bot.persona.lorebook import Lorebook, join_books
from bot.persona.lorebook_reader import check_lorebook, read_lorebook
from bot.persona.training_options import TrainingOptions
from bot.system.names import fault_of_name
from bot.system.ownership import check_owner
from bot.toml import Section, parse_toml, read_toml

_LIMIT = 8 << 20  # bytes of a file with a card or a lorebook
CARD_NAMES = ("card.json", "card.png")  # taken without a key
LOREBOOK = "lorebook.json"
# Folders that may hold the adapter. The last two exist if training was killed while it replaced the adapter:
# the new one, which is whole, and the one before.
ADAPTERS = ("adapter", "adapter.new", "adapter.previous")
MAX_TEMPLATE = 100_000  # characters of a chat template; the longest of known models have 20,000
NoticeKind = Literal["reactions", "pins", "joins"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME)]


class Sampling(Section):
    """Sampling settings. The defaults suit chat with a small model; a persona sets its own."""

    temperature: float = Field(default=0.8, ge=0, le=5)  # 0 is greedy: always the likeliest token
    top_p: float = Field(default=0.95, gt=0, le=1)  # the smallest set of tokens that holds this probability
    top_k: int = Field(default=0, ge=0)  # the k likeliest tokens; 0 keeps all
    min_p: float = Field(default=0.05, ge=0, le=1)  # tokens with at least this share of the likeliest's
    repetition_penalty: float = Field(default=1.1, gt=0, le=2)  # over prompt and answer: arXiv 1909.05858
    min_tokens: int = Field(default=0, ge=0)  # no end of turn before that
    max_tokens: int = Field(default=256, ge=1, le=32_768, validate_default=True)  # the longest answer

    @field_validator("max_tokens")
    @classmethod
    def _reaches_least(cls, value: int, info: ValidationInfo) -> int:
        least = info.data.get("min_tokens", 0)
        if value < least:
            raise ValueError(f"write at least sampling.min_tokens, {least:,}, or lower that")
        return value


class PersonaFile(Section):
    """The keys of persona.toml, which a card cannot hold."""

    card: Path | None = None  # "card.json" is taken by itself, else "card.png", a picture with a card in it
    names: tuple[Name, ...] = Field(
        default=(), max_length=100
    )  # what it answers to in a group, beside its card's name
    adapter: Path | None = None  # a folder; "adapter" is taken by itself when it is there
    strength: float = Field(default=1.0, ge=0, le=1.5)  # of the adapter
    bursts: bool = False  # each line of an answer is a message of its own
    template: str = Field(default="", max_length=MAX_TEMPLATE)  # overrides the model's chat template
    avatar: Path | None = None  # a picture; "avatar.png" (jpg, webp, gif) is taken by itself when it is there
    avatar_url: str = ""  # the same on the web, https, for where no picture can be uploaded
    notices: tuple[NoticeKind, ...] = ()  # what it reads beside messages: "reactions", "pins", "joins"
    sampling: Sampling = Sampling()
    training: TrainingOptions = TrainingOptions()  # for the trainer alone


@dataclass(frozen=True, slots=True)
class Persona:
    """A loaded persona. `key` is the name of its folder, which people type and memory stores."""

    key: str
    card: Card
    names: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    adapter: Path | None = None
    strength: float = 1.0
    template: str = ""
    avatar: Path | None = None
    avatar_url: str = ""
    bursts: bool = False
    notices: tuple[NoticeKind, ...] = ()
    training: TrainingOptions = field(default_factory=TrainingOptions)
    lorebook: Lorebook = field(default_factory=Lorebook)  # that of its folder, beside the card's

    @property
    def name(self) -> str:
        """The name in conversation."""
        return self.card.called

    @property
    def lore(self) -> Lorebook:
        """The card's lorebook and the folder's as one."""
        return join_books((self.card.lorebook, self.lorebook))

    @property
    def warning(self) -> str:
        """The parts of card and lorebook that are left out; empty where all is used."""
        left_out = f"lorebook: {self.lore}" if self.lore.left_out else ""
        return "; ".join(filter(None, (self.card.warning, left_out)))


@dataclass(frozen=True, slots=True)
class Cast:
    """Every persona by key, and the fault of each broken folder by key."""

    personas: dict[str, Persona]
    broken: dict[str, str]
    folder: Path | None = None  # the folder of all personas

    def read_again(self) -> "Cast":
        """Load the folder of all personas again. Raises `UserError` if it is gone."""
        return load_cast(self.folder) if self.folder else self

    def find(self, name: str) -> Persona:
        """Return the persona with that key, else with that name, in any case.

        Raises `UserError` that lists all personas.
        """
        wanted = name.casefold()
        keys = {key.casefold(): key for key in (*self.broken, *self.personas)}
        if (key := keys.get(wanted, "")) in self.personas:
            return self.personas[key]
        if key:
            raise UserError(
                f"The persona {key!r} is broken: {self.broken[key]}.",
                public=f"The persona {key!r} is broken; whoever runs the bot finds the reason in its log.",
            )
        for persona in self.personas.values():
            if wanted in (called.casefold() for called in (persona.name, persona.card.name, *persona.names)):
                return persona
        raise UserError(f"There is no persona {name!r}: known are {', '.join(self.personas) or 'none'}.")

    def chosen(self, name: str) -> Persona:
        """Return the persona with that name, or the first one for an empty name."""
        if name:
            return self.find(name)
        if not self.personas:
            raise UserError("There is no working persona: `python -m bot doctor` says what is wrong.")
        return next(iter(self.personas.values()))


def load_cast(folder: Path) -> Cast:
    """Load every persona of a folder of folders; broken ones are left out with their fault."""
    if not folder.is_dir():
        raise UserError(f"There is no folder of personas at {folder}: make it, or set paths.personas.")
    personas, broken = {}, {}
    for path in sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._"):
        try:
            personas[path.name] = load_persona(path)
        except UserError as error:
            broken[path.name] = str(error).rstrip(".")
    return Cast(personas, broken, folder)


def load_persona(folder: Path) -> Persona:
    """Load one persona's folder. Raises `UserError` with the file and its fault.

    A name that Windows refuses is refused everywhere, so that every folder can move there.
    """
    if fault := fault_of_name(folder.name):
        raise UserError(f"the folder {folder} needs another name: {fault}")
    file = folder / "persona.toml"
    text = read_toml(file, "make one; it may be empty") if os.path.lexists(file) else ""
    keys = parse_toml(PersonaFile, text, file)
    card, adapter = _card(_card_path(folder, keys)), _adapter(folder, keys)
    return Persona(
        folder.name,
        card,
        keys.names,
        keys.sampling,
        adapter,
        keys.strength,
        keys.template,
        _avatar(folder, keys),
        avatar.check_picture_url(keys.avatar_url),
        keys.bursts,
        keys.notices,
        keys.training,
        _lorebook(_inside(folder, Path(LOREBOOK))),
    )


def _card_path(folder: Path, keys: PersonaFile) -> Path:
    named = [keys.card] if keys.card else [Path(name) for name in CARD_NAMES]
    paths = [_inside(folder, path) for path in named]
    return next((path for path in paths if path.exists()), paths[0])


def _inside(folder: Path, path: Path) -> Path:
    """Return a path inside the persona's folder. Raises `UserError` if it leads out or is another user's."""
    whole = folder / path
    if "\x00" in str(path) or not Path(os.path.realpath(whole)).is_relative_to(os.path.realpath(folder)):
        raise UserError(f"{str(path)!r} leads out of the folder {folder}: keep the persona's files in it")
    check_owner(whole)
    return whole


def _card(path: Path) -> Card:
    try:
        return cards.read_card(_file_text(path))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: write a card there, or set the key `card`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    except UserError as error:
        raise UserError(f"the card {path} cannot be used: {error}") from None


def _lorebook(path: Path) -> Lorebook:
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


def _adapter(folder: Path, keys: PersonaFile) -> Path | None:
    names = [keys.adapter] if keys.adapter else [Path(name) for name in ADAPTERS]
    paths = [_inside(folder, path) for path in names]
    found = next((path for path in paths if path.is_dir()), None)
    if keys.adapter and not found:
        raise UserError(f"{paths[0]} is missing: put the adapter there, or drop the key `adapter`")
    return found


def _avatar(folder: Path, keys: PersonaFile) -> Path | None:
    pictures = (*avatar.PICTURE_NAMES, CARD_NAMES[1])
    named = [keys.avatar] if keys.avatar else [Path(name) for name in pictures]
    paths = [_inside(folder, path) for path in named]
    found = next((path for path in paths if keys.avatar or path.exists()), None)
    return found and avatar.check_picture(found)
