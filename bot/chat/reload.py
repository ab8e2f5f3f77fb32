"""The command `/persona reload`: folders and adapters are read again while others answer."""

import asyncio
import logging
import os
from dataclasses import dataclass

from bot.chat.chat import Chat
from bot.errors import UserError
from bot.persona.persona import Cast, Persona

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """The keys of the personas that are now as their folders say, and why others are not."""

    taken: tuple[str, ...]
    refused: dict[str, str]


async def reload(chat: Chat, resident: str) -> ReloadResult:
    """Read all personas again, with the adapters in use and the resident's; who is broken stays as before."""
    async with chat.casting:
        before, fresh = chat.cast, await asyncio.to_thread(chat.cast.read_again)
        refused = {key: why.replace(f"{fresh.folder}{os.sep}", "") for key, why in fresh.broken.items()}
        for persona in fresh.personas.values():
            try:
                await chat.speaker.take_up(persona, now=persona.key == resident)
            except UserError as error:
                refused[persona.key] = str(error).rstrip(".")
        known = {**before.personas, **{key: one for key, one in fresh.personas.items() if key not in refused}}
        gone = before.personas.keys() - fresh.personas.keys() - refused.keys()
        personas = {key: known[key] for key in sorted(known.keys() - gone)}
        chat.cast = Cast(personas, refused, fresh.folder)
        await _let_go(chat, before, personas)
    for key, why in refused.items():
        log.warning("a persona was not read again", extra={"persona": key, "reason": why})
    return ReloadResult(tuple(key for key in personas if key not in refused), refused)


async def _let_go(chat: Chat, before: Cast, personas: dict[str, Persona]) -> None:
    """Forget the adapters of personas that have none any more."""
    for key, persona in before.personas.items():
        if persona.adapter and (key not in personas or personas[key].adapter is None):
            await chat.speaker.let_go(persona)
