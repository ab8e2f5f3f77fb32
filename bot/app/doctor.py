"""The checks of `doctor`: one finding for each part of the installation, with its remedy."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from bot import config
from bot.app.admin import memory_file, open_memory
from bot.app.finding import Finding
from bot.app.model_findings import card_findings, model_findings, native_finding
from bot.config import Config
from bot.errors import UserError
from bot.memory.db.database import InUse
from bot.memory.queries.platform_state import PUBLICATION_FAILURES
from bot.persona.persona import Cast, Persona, load_cast
from bot.prompt.chat_template import open_chat_template
from bot.secrets import TOKENS
from bot.system.rights import others_can_read, private_command

_IN_USE = "in use by an alterego that is running"
LEAST_FREE_BYTES = 2e9  # below that, a converted model or a backup may not fit on the disk


async def run_checks(path: Path | None) -> list[Finding]:
    """Check settings, tokens, personas, model, adapters, kernels, cards, memory, disk and rights."""
    try:
        settings = config.load_config(path)
    except UserError as error:
        return [Finding("settings", False, str(error))]
    findings = [Finding("settings", True, str(settings.file)), _tokens(settings), *_api(settings)]
    cast, personas = _personas(settings)
    model = await asyncio.to_thread(model_findings, settings, cast)
    native = await asyncio.to_thread(native_finding, settings)
    cards = await asyncio.to_thread(lambda: list(card_findings(settings)))
    memory = await _memory(settings)
    if memory[0].text.startswith(_IN_USE):
        model = [_beside_another(finding) for finding in model]
    rest = [native, *cards, *memory, _disk(settings), *_rights(settings)]
    return [*findings, *personas, *model, *rest]


def _beside_another(finding: Finding) -> Finding:
    """Return the finding about a model's room as it counts while another process serves the model."""
    if finding.subject != "room" or finding.right:
        return finding
    return Finding("room", True, f"an alterego that is running has its part already; else {finding.text}")


def _tokens(settings: Config) -> Finding:
    """Check that each platform with a token has its library."""
    names = [name for name in TOKENS if name in settings.tokens]
    if not names:
        return Finding("tokens", True, "none set: it talks in the terminal")
    extras = [name.partition("_")[0].lower() for name in names]
    if missing := [extra for extra in extras if find_spec(extra) is None]:
        return Finding(
            "tokens", False, f"their library is missing: pip install 'alterego[{','.join(missing)}]'"
        )
    return Finding("tokens", True, f"{', '.join(names)} set")


def _api(settings: Config) -> Iterator[Finding]:
    """Check that the API has its library, where it is enabled."""
    if settings.serve.enabled:
        found = find_spec("aiohttp") is not None
        address = f"at port {settings.serve.port} of {settings.serve.host}"
        yield Finding("api", found, address if found else "pip install 'alterego[serve]'")


def _personas(settings: Config) -> tuple[Cast, list[Finding]]:
    try:
        cast = load_cast(settings.personas)
    except UserError as error:
        return Cast({}, {}), [Finding("personas", False, str(error))]
    broken = [Finding("persona", False, f"{key}: {why}") for key, why in cast.broken.items()]
    if not cast.personas:
        return cast, [*broken, Finding("personas", False, f"none in {settings.personas}: put one there")]
    parts = [_lore(persona) for persona in cast.personas.values() if persona.lore or persona.warning]
    faults = [*_templates(settings, cast), *_chosen(settings, cast)]
    return cast, [Finding("personas", True, ", ".join(cast.personas)), *parts, *faults, *broken]


def _templates(settings: Config, cast: Cast) -> Iterator[Finding]:
    """Name the chat templates of settings and personas that cannot be used."""
    sources = {"config.toml, model.template": settings.model.template}
    sources |= {f"{key}: template in its persona.toml": each.template for key, each in cast.personas.items()}
    for where, source in sources.items():
        try:
            if source:
                open_chat_template(source, {}, "Persona")
        except UserError as error:
            yield Finding("template", False, f"{where}: {error}")


def _chosen(settings: Config, cast: Cast) -> Iterator[Finding]:
    """Name the persona of the settings where there is none of that name."""
    try:
        cast.chosen(settings.chat.persona)
    except UserError as error:
        yield Finding("persona", False, f"config.toml, chat.persona: {error}")


def _lore(persona: Persona) -> Finding:
    """Tell the lorebook of a persona, and the parts of its card that are left out."""
    parts = (f"lorebook: {persona.lore}" if persona.lore else "", persona.card.warning)
    return Finding("persona", True, f"{persona.key}: {'; '.join(filter(None, parts))}")


async def _memory(settings: Config) -> list[Finding]:
    """Check the database, and name what the last process could not publish to its platforms."""
    file = memory_file(settings)
    if not (file.exists() or file.with_name(f"{file.name}.lock").exists()):
        return [Finding("memory", True, f"{file}: nothing is remembered yet")]
    try:
        async with open_memory(settings) as memory:
            status, notices = await memory.status(), memory.notices
            unpublished = await memory.platform_state(PUBLICATION_FAILURES)
    except InUse:
        where = f"{_IN_USE}, in {settings.data}; /status says how it is"
        return [Finding("memory", True, where)]
    except UserError as error:
        return [Finding("memory", False, str(error))]
    text = f"{memory.path}: sound, {status.messages:,} messages, {status.unsent} unsent"
    found = Finding("memory", not notices, " ".join((text, *notices)))
    return [found, *(_unpublished(account, reason) for account, reason in unpublished.items())]


def _unpublished(account: str, reason: str) -> Finding:
    return Finding("commands", False, f"those of {account} are not published: {reason}")


def _disk(settings: Config) -> Finding:
    folder = next(folder for folder in (settings.data, *settings.data.parents) if folder.exists())
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK):
        return Finding("disk", False, f"{folder} cannot be written to: set ALTEREGO_DATA to another folder")
    text = f"{free / 1e9:.1f} GB free for {settings.data}"
    return Finding(
        "disk",
        free > LEAST_FREE_BYTES,
        text if free > LEAST_FREE_BYTES else f"{text}: make room, 2 GB are needed",
    )


def _rights(settings: Config) -> Iterator[Finding]:
    """Check that other users of a Windows machine cannot read what is private.

    Elsewhere each file has rights of its own. On Windows, a file has those of its folder.
    """
    for folder in (settings.data, settings.personas) if sys.platform == "win32" else ():
        if not folder.exists():
            continue
        try:
            if others_can_read(folder):
                remedy = f"other users of this machine can read {folder}: run `{private_command(folder)}`"
                yield Finding("rights", False, remedy)
            else:
                yield Finding("rights", True, f"only its owner and administrators read {folder}")
        except OSError as error:
            yield Finding("rights", False, f"those of {folder} cannot be read: {error.strerror}")
