"""Adapters of personas in the engine: checked against the manifest, loaded, replaced, unloaded."""

from bot.chat.prompt_pool import PromptPool
from bot.config import ChatSettings, ModelSettings
from bot.engine.interface import Engine
from bot.persona.persona import Persona
from bot.prompt.contract import check_serving


class AdapterLoader:
    """Loads a persona's adapter when it is first needed, after a check against the adapter's manifest.

    The check renders the persona's chat template, which may be slow, on the threads for prompts.
    """

    def __init__(
        self, engine: Engine, settings: ChatSettings, model: ModelSettings, prompts: PromptPool
    ) -> None:
        self._engine, self._settings, self._model, self._prompts = engine, settings, model, prompts
        self._loaded: set[str] = set()

    async def ensure_loaded(self, persona: Persona) -> None:
        """Load the persona's adapter where it has one and it is not loaded.

        Raises `UserError` for an adapter that cannot be used.
        """
        if persona.adapter and persona.key not in self._loaded:
            await self._load(persona)

    async def reload(self, persona: Persona, *, now: bool = False) -> None:
        """Load the adapter of a persona that was read again, if it was loaded before, or `now`.

        Raises `UserError` for an adapter that cannot be used; the adapter loaded before then stays in use.
        """
        if persona.adapter and (now or persona.key in self._loaded):
            await self._load(persona)

    async def unload(self, persona: Persona) -> None:
        """Drop the persona's adapter from the engine."""
        if persona.key in self._loaded:
            self._loaded.discard(persona.key)
            await self._engine.drop_adapter(persona.key)

    async def _load(self, persona: Persona) -> None:
        assert persona.adapter
        tokenizer = await self._engine.tokenizer()
        system = self._settings.system_prompt
        await self._prompts.run(persona.key, check_serving, persona, tokenizer, self._model, system)
        await self._engine.add_adapter(persona.key, persona.adapter)
        self._loaded.add(persona.key)
