"""All that holds for a persona, each value with where it comes from, for `persona show`."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from bot.adapter.base_match import tidy_name
from bot.adapter.folders import shown_folder
from bot.adapter.manifest import AdapterManifest, read_manifest, trained_names
from bot.chat.scoped_sampling import read_sampling
from bot.chat.scoped_settings import read_settings
from bot.config import Config
from bot.memory.store import Memory
from bot.message import Place
from bot.persona.lorebook import DepthPrompt
from bot.persona.persona import LOREBOOK, Persona, PersonaFile, card_path, read_persona_file
from bot.untrusted import RefusedFile

DEFAULT = "default"
_TOML, _CONFIG = "persona.toml", "config.toml"
_MODEL_KEYS = ("name", "precision", "device", "context", "template", "thinking", "thinking_budget")
_CHAT_KEYS = ("system_prompt", "listen", "names", "bots", "open", "debounce")
_PLAIN_KEYS = ("names", "strength", "bursts", "template", "avatar", "avatar_url", "notices")


@dataclass(frozen=True, slots=True)
class ShownValue:
    """A value that holds for a persona, in plain form, and its source."""

    name: str
    value: object
    source: str


def persona_values(persona: Persona, folder: Path, settings: Config) -> Iterator[ShownValue]:
    """Yield all values, in the order of card, persona.toml, adapters and config.toml."""
    keys = read_persona_file(folder)
    yield from _card_values(persona, card_path(folder, keys).name)
    yield from _file_values(persona, keys)
    yield from _adapter_values(persona, keys)
    yield from _section("sampling", persona.sampling)
    yield from _section("history", persona.history)
    yield from _section("training", persona.training, shows_defaults=False)
    yield ShownValue("training", "as the recipe says (`python -m training recipe`)", DEFAULT)
    yield from _section("model", settings.model, _MODEL_KEYS, file=_CONFIG)
    yield from _section("chat", settings.chat, _CHAT_KEYS, file=_CONFIG)


async def place_values(persona: Persona, memory: Memory, place: Place, settings: Config) -> list[ShownValue]:
    """Return the values that /settings and /sampling show in a place."""
    values = await read_settings(memory, place, settings.chat)
    drawn = await read_sampling(memory, place, persona)
    shown = [*values.items(), *((f"sampling.{name}", value) for name, value in drawn.items())]
    return [ShownValue(f"here: {name}", value.text or "(the first)", value.source) for name, value in shown]


def card_parts(persona: Persona) -> dict[str, str]:
    """Return the parts of a card beside its texts: those that prompts have, and those without effect."""
    prompt = persona.card.depth_prompt
    parts = {
        "lorebook": str(persona.lore) if persona.lore else "",
        "depth_prompt": f"{_depth(prompt)}: {prompt.text}" if prompt else "",
        "warning": persona.card.warning,
        "without effect": ", ".join(persona.card.unused),
    }
    return {name: text for name, text in parts.items() if text}


def described_adapter(folder: Path) -> str:
    """Return an adapter's folder with what its manifest says of its base model and of speakers' names."""
    try:
        manifest = read_manifest(folder)
    except RefusedFile as refused:
        return f"{shown_folder(folder)} ({refused.reason})"
    base = f" for {tidy_name(manifest.base_model)}" if manifest.base_model else ""
    names = trained_names(manifest)
    return f"{shown_folder(folder)}{base}" + (f" (speakers' names: {names})" if names else "")


def _card_values(persona: Persona, file: str) -> Iterator[ShownValue]:
    fields = persona.card.model_dump(exclude_defaults=True)
    yield from (ShownValue(name, value, file) for name, value in fields.items())
    books = {file: persona.card.lorebook, LOREBOOK: persona.lorebook}
    sources = {"lorebook": ", ".join(name for name, book in books.items() if book)}
    for name, text in card_parts(persona).items():
        yield ShownValue(name, text, sources.get(name, file))


def _file_values(persona: Persona, keys: PersonaFile) -> Iterator[ShownValue]:
    for name in _PLAIN_KEYS:
        value = getattr(persona, name)
        source = _TOML if name in keys.model_fields_set else DEFAULT
        if name == "avatar" and value is not None:
            value, source = value.name, source if source == _TOML else "its folder"
        yield ShownValue(name, _plain(value), source)


def _adapter_values(persona: Persona, keys: PersonaFile) -> Iterator[ShownValue]:
    where = _TOML if keys.adapter else "its folder"
    shown = ", ".join(map(described_adapter, persona.adapters))
    yield ShownValue("adapter", shown or "none", where if shown else DEFAULT)
    for folder in persona.adapters:
        yield from _contract(folder)
    is_trained = any(map(_names, persona.adapters))
    source = _TOML if keys.speaker_names else "its adapter's manifest" if is_trained else DEFAULT
    yield ShownValue("speaker_names", persona.speaker_names, source)


def _contract(folder: Path) -> Iterator[ShownValue]:
    """Yield the terms that an adapter was trained with, of those that its manifest names."""
    manifest, source = _manifest(folder), f"{shown_folder(folder)}manifest.json"
    terms = manifest.contract
    named = {"system": terms.system, "stop_ids": terms.stop_ids, "stop": terms.stop}
    for name, value in named.items():
        if value not in (None, ()):
            yield ShownValue(f"trained with {name}", _plain(value), source)


def _manifest(folder: Path) -> AdapterManifest:
    try:
        return read_manifest(folder)
    except RefusedFile:
        return AdapterManifest()


def _names(folder: Path) -> bool:
    return trained_names(_manifest(folder)) is not None


def _section(
    table: str,
    section: BaseModel,
    names: Iterable[str] | None = None,
    *,
    file: str = _TOML,
    shows_defaults: bool = True,
) -> Iterator[ShownValue]:
    """Yield the values of a table; without `shows_defaults`, those alone that the file sets."""
    is_set: Collection[str] = section.model_fields_set
    for name in names or type(section).model_fields:
        if name in is_set or shows_defaults:
            source = file if name in is_set else DEFAULT
            yield ShownValue(f"{table}.{name}", _plain(getattr(section, name)), source)


def _plain(value: object) -> object:
    """Return a value as people say it: yes or no, "none" for nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None or value in ("", ()) else value


def _depth(prompt: DepthPrompt) -> str:
    if prompt.depth == 0:
        return "behind the newest message"
    return "before the newest " + ("message" if prompt.depth == 1 else f"{prompt.depth:,} messages")
