"""Personas: a card, usually a LoRA adapter, and sampling settings, read from a folder."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from bot.adapter.choice import AdapterChoice
from bot.adapter.folders import HOME
from bot.adapter.manifest import SpeakerNames
from bot.errors import UserError
from bot.persona import avatar
from bot.persona.card import MAX_NAME, Card
from bot.persona.history_limits import HistoryLimits
from bot.persona.lorebook import Lorebook, join_books
from bot.persona.persona_files import (
    adapter_in,
    adapter_names,
    find_avatar,
    loose_cards,
    other_adapters,
    path_inside,
    read_card_file,
    read_folder_lorebook,
)
from bot.persona.training_options import TrainingOptions
from bot.system.names import fault_of_name
from bot.toml import Section, parse_toml, read_toml

CARD_NAMES = ("card.json", "card.png")  # taken without a key
LOREBOOK = "lorebook.json"
MAX_TEMPLATE = 100_000  # characters of a chat template; the longest of known models have 20,000
NoticeKind = Literal["reactions", "pins", "joins"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME)]


class Sampling(Section):
    """Sampling settings. The defaults suit chat with a small model; a persona sets its own."""

    temperature: float = Field(default=0.8, ge=0, le=5)  # 0 is greedy: always the likeliest token
    top_p: float = Field(default=0.95, gt=0, le=1)  # the smallest set of tokens that holds this probability
    top_k: int = Field(default=0, ge=0)  # the k likeliest tokens; 0 keeps all
    min_p: float = Field(default=0.05, ge=0, le=1)  # tokens with at least this share of the likeliest's
    repetition_penalty: float = Field(default=1.1, ge=0.01, le=10)  # over prompt and answer: arXiv 1909.05858
    presence_penalty: float = Field(default=0, ge=-2, le=2)  # taken once from what the answer holds already
    frequency_penalty: float = Field(default=0, ge=-2, le=2)  # taken as often as the answer holds it
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
    names: tuple[Name, ...] = Field(default=(), max_length=100)  # it answers to, beside its card's name
    adapter: Path | None = None  # a folder; "adapter" and those in "adapters" are found by themselves
    strength: float = Field(default=1.0, ge=0, le=1.5)  # of the adapter
    bursts: bool = False  # each line of an answer is a message of its own
    template: str = Field(default="", max_length=MAX_TEMPLATE)  # overrides the model's chat template
    # when speakers' names stand before their words in prompts, if not as its adapter was trained: "always"
    speaker_names: SpeakerNames | None = None
    avatar: Path | None = None  # a picture; "avatar.png" (jpg, webp, gif) is taken by itself when it is there
    avatar_url: str = ""  # the same on the web, https, for where no picture can be uploaded
    notices: tuple[NoticeKind, ...] = ()  # what it reads beside messages: "reactions", "pins", "joins"
    sampling: Sampling = Sampling()
    history: HistoryLimits = HistoryLimits()
    training: TrainingOptions = TrainingOptions()  # for the trainer alone


@dataclass(frozen=True, slots=True)
class Persona:
    """A loaded persona. `key` is the name of its folder, which people type and memory stores.

    `adapter` is the folder that persona.toml names, or adapter/; of a persona as it is served, it is the one
    that is loaded. `other_adapters` are those in adapters/, for other base models. `speaker_names` says when
    speakers' names stand in prompts: as persona.toml says, else as its adapter was trained; of a persona as
    it is served, as the adapter was that is loaded.
    """

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
    other_adapters: tuple[Path, ...] = ()
    history: HistoryLimits = field(default_factory=HistoryLimits)
    speaker_names: SpeakerNames = "always"

    @property
    def adapters(self) -> tuple[Path, ...]:
        """The folders of all its adapters, of which one is chosen by the base model."""
        return (*((self.adapter,) if self.adapter else ()), *self.other_adapters)

    @property
    def name(self) -> str:
        """The name in conversation."""
        return self.card.called

    @property
    def lore(self) -> Lorebook:
        """The card's lorebook and the folder's as one."""
        return join_books((self.card.lorebook, self.lorebook))

    def served_with(self, choice: AdapterChoice) -> "Persona":
        """Return the persona as it is served with the adapter that was chosen."""
        return replace(self, adapter=choice.adapter, speaker_names=choice.names or self.speaker_names)

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
    return Cast(personas, loose_cards(folder) | broken, folder)


def load_persona(folder: Path) -> Persona:
    """Load one persona's folder. Raises `UserError` with the file and its fault.

    A name that Windows refuses is refused everywhere, so that every folder can move there.
    """
    if fault := fault_of_name(folder.name):
        raise UserError(f"the folder {folder} needs another name: {fault}")
    keys = read_persona_file(folder)
    return assemble_persona(folder, keys, read_card_file(card_path(folder, keys)))


def assemble_persona(folder: Path, keys: PersonaFile, card: Card) -> Persona:
    """Return the persona of a folder with these keys and this card, which need not be those of its files."""
    adapter, others = _adapter(folder, keys), other_adapters(folder)
    trained = adapter_names((*((adapter,) if adapter else ()), *others))
    return Persona(
        folder.name,
        card,
        keys.names,
        keys.sampling,
        adapter,
        keys.strength,
        keys.template,
        find_avatar(folder, keys.avatar, CARD_NAMES[1]),
        avatar.check_picture_url(keys.avatar_url),
        keys.bursts,
        keys.notices,
        keys.training,
        read_folder_lorebook(path_inside(folder, Path(LOREBOOK))),
        others,
        keys.history,
        keys.speaker_names or trained or "always",
    )


def read_persona_file(folder: Path) -> PersonaFile:
    """Return the keys of a folder's persona.toml, all by default where there is none; raises `UserError`."""
    file = folder / "persona.toml"
    text = read_toml(file, "make one; it may be empty") if os.path.lexists(file) else ""
    return parse_toml(PersonaFile, text, file)


def has_card(folder: Path) -> bool:
    """Return whether a folder has a card, or a persona.toml that says where one is; raises `UserError`."""
    has_own = any((folder / name).exists() for name in CARD_NAMES)
    return has_own or read_persona_file(folder).card is not None


def card_path(folder: Path, keys: PersonaFile) -> Path:
    """Return the file of a persona's card, which need not be there; raises `UserError` outside the folder."""
    named = [keys.card] if keys.card else [Path(name) for name in CARD_NAMES]
    paths = [path_inside(folder, path) for path in named]
    return next((path for path in paths if path.exists()), paths[0])


def _adapter(folder: Path, keys: PersonaFile) -> Path | None:
    if keys.adapter is None:
        return adapter_in(folder, folder / HOME)
    named = path_inside(folder, keys.adapter)
    if not named.is_dir():
        raise UserError(f"{named} is missing: put the adapter there, or drop the key `adapter`")
    return named
