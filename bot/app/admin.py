"""Notices at the start, and commands about stored data: each function returns the text to print."""

import asyncio
from argparse import Namespace
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory

from bot import config
from bot.app.persona_commands import persona_list, persona_new, persona_show
from bot.app.prompt_files import erase_prompts
from bot.config import Config
from bot.engine.runtime.nvidia import cuda_remedy
from bot.errors import UserError
from bot.memory.queries.records import Erased
from bot.memory.store import Memory
from bot.message import find_place
from bot.persona.persona import Cast
from bot.system.console import json_text


def open_memory(settings: Config) -> Memory:
    """Return the memory in the data folder of these settings; enter it to open the file."""
    return Memory(memory_file(settings))


def memory_file(settings: Config) -> Path:
    """Return the file of the memory, which need not be there."""
    return settings.data / "memory.db"


async def startup_notices(
    memory: Memory, cast: Cast, settings: Config, asked: str | None = None
) -> tuple[str, ...]:
    """Return the notices for whoever starts the program: of memory, personas and an unused graphics card.

    Where one persona was `asked` for by its key, those of other personas are left to `doctor`.
    """
    return (*memory.notices, *await cast_notices(cast, settings, asked))


async def cast_notices(cast: Cast, settings: Config, asked: str | None = None) -> tuple[str, ...]:
    """Return the notices of personas and an unused graphics card, as `startup_notices` does."""
    left_out = [f"{key} is left out: {why}." for key, why in cast.broken.items() if asked is None]
    warned = {key: each.warning for key, each in cast.personas.items() if asked in (None, key)}
    left_out += [f"{key}: {warning}." for key, warning in warned.items() if warning]
    card = await asyncio.to_thread(cuda_remedy, settings.model.device)
    return (*left_out, *([card] if card else ()))


async def data_status(options: Namespace) -> str:
    settings = config.load_config(options.config)
    if not (file := memory_file(settings)).exists():
        return f"{file}: nothing is remembered yet"
    async with open_memory(settings) as memory:
        status = await memory.status()
        places = await memory.places()
        lines = [f"{place.place!s:<40} {place.messages:,} messages" for place in places]
        spoken = {str(place.place) for place in places}
        scopes = [scope for scope in await memory.setting_scopes() if scope not in spoken]
        lines += [f"{scope:<40} settings alone" for scope in scopes]
        total = f"{status.messages:,} messages in {status.places:,} places, {status.bytes / 1e6:.1f} MB"
        return "\n".join([f"{memory.path}: {total}", *lines])


async def data_export(options: Namespace) -> str:
    file = memory_file(config.load_config(options.config))
    with TemporaryDirectory() as empty:  # a command that only reads makes no file in the data folder
        async with Memory(file if file.exists() else Path(empty) / file.name) as memory:
            return json_text(await memory.export(options.author), indent=2)


async def data_forget(options: Namespace) -> str:
    settings = config.load_config(options.config)
    async with open_memory(settings) as memory:
        if options.author:
            erased, prompts = await memory.erase_author(options.author), erase_prompts(settings.data)
            return _author_erased_text(options.author, erased, prompts)
        known = {str(remembered.place): remembered.place for remembered in await memory.places()}
        known |= {scope: find_place(scope) for scope in await memory.setting_scopes() if scope not in known}
        if options.place not in known:
            raise UserError(f"There is no place {options.place!r}: `data status` lists them.")
        return _erased_text(await memory.erase_place(known[options.place]), erase_prompts(settings.data))


def _erased_text(erased: Erased, prompts: int) -> str:
    files = f" Deleted {prompts} files that --prompts had written." if prompts else ""
    return (
        f"Erased {erased.messages:,} messages, {erased.quotations:,} quotations, {erased.answers:,} answers, "
        f"{erased.outgoing:,} parts of replies, {erased.settings:,} settings, {erased.backups} backups "
        f"and {erased.set_aside} damaged files.{files}"
    )


def _author_erased_text(author: str, erased: Erased, prompts: int) -> str:
    """Return the counts, and the answers that stay although they may repeat the person's words."""
    if not (erased.messages or erased.quotations or erased.answers or erased.places or erased.settings):
        files = f" Deleted {prompts} files that --prompts had written." if prompts else ""
        return f"Nothing is stored about {author!r}: an id is the platform's own number, or `local`.{files}"
    if not erased.kept:
        return _erased_text(erased, prompts)
    return (
        f"{_erased_text(erased, prompts)}\n{erased.kept:,} answers to others stay, which were made after "
        "this person had spoken and may repeat their words, as messages of others may. To erase all of such "
        "a place:\n"
    ) + "\n".join(f"python -m bot data forget --place {place}" for place in erased.kept_in)


ADMIN_COMMANDS: dict[str, Callable[[Namespace], Coroutine[None, None, str]]] = {
    "persona list": persona_list,
    "persona show": persona_show,
    "persona new": persona_new,
    "data status": data_status,
    "data export": data_export,
    "data forget": data_forget,
}
