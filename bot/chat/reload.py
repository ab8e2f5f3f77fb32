"""The command `/persona reload`: folders and adapters are read again while replies are being made."""

import asyncio
import logging
import os
from dataclasses import dataclass

from bot.chat.adapter_loader import AdapterLoader
from bot.chat.resources import ChatResources
from bot.errors import UserError
from bot.persona.persona import Cast

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """The keys of the personas that are now as their folders say, and the reason why others are not."""

    reloaded: tuple[str, ...]
    refused: dict[str, str]


class PersonaReload:
    """Reads all personas again, one reload at a time."""

    def __init__(self, resources: ChatResources, adapters: AdapterLoader) -> None:
        self._resources, self._adapters = resources, adapters
        self._lock = asyncio.Lock()

    async def run(self, resident: str) -> ReloadResult:
        """Read all personas, and the adapters in use and of `resident`; a broken persona stays as before."""
        async with self._lock:
            before = self._resources.cast
            fresh = await asyncio.to_thread(before.read_again)
            refused = {key: why.replace(f"{fresh.folder}{os.sep}", "") for key, why in fresh.broken.items()}
            refused |= await self._reload_adapters(fresh, resident)
            cast = _merge(before, fresh, refused)
            self._resources.cast = cast
            await self._unload_adapters(before, cast)
        for key, reason in refused.items():
            log.warning("persona_not_reloaded", extra={"persona": key, "reason": reason})
        return ReloadResult(tuple(key for key in cast.personas if key not in refused), refused)

    async def _reload_adapters(self, fresh: Cast, resident: str) -> dict[str, str]:
        """Load the adapters that changed; return the reasons of the refused ones by persona."""
        refused = {}
        for persona in fresh.personas.values():
            try:
                await self._adapters.reload(persona, now=persona.key == resident)
            except UserError as error:
                refused[persona.key] = str(error).rstrip(".")
        return refused

    async def _unload_adapters(self, before: Cast, after: Cast) -> None:
        """Drop the adapters of personas that are gone, or for which none is chosen any more."""
        for key, persona in before.personas.items():
            if key not in after.personas or self._adapters.served(after.personas[key]).adapter is None:
                await self._adapters.unload(persona)


def _merge(before: Cast, fresh: Cast, refused: dict[str, str]) -> Cast:
    """Return the fresh cast, with the personas of before where the fresh ones are refused."""
    accepted = {key: persona for key, persona in fresh.personas.items() if key not in refused}
    kept = {key: persona for key, persona in before.personas.items() if key in refused}
    personas = {**kept, **accepted}
    return Cast({key: personas[key] for key in sorted(personas)}, refused, fresh.folder)
