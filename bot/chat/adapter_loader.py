"""Adapters of personas in the engine: chosen by the base model, checked, loaded, replaced, unloaded."""

import logging
from collections.abc import Callable
from contextlib import suppress

from bot.adapter.choice import AdapterChoice
from bot.chat.prompt_pool import PromptPool
from bot.config import ChatSettings, ModelSettings
from bot.engine.interface import Engine
from bot.errors import UserError
from bot.persona.persona import Cast, Persona
from bot.prompt.contract import check_serving

log = logging.getLogger(__name__)

TellOwner = Callable[[str], None]


def log_notice(text: str) -> None:
    """Log a notice about an adapter."""
    log.warning("adapter_notice", extra={"notice": text})


class AdapterLoader:
    """Loads a persona's adapter for the running base model when it is first needed, after a check of prompts.

    A persona whose adapters are all for other base models speaks without one, and the owner is told once. The
    check renders the persona's chat template, which may be slow, on the threads for prompts.
    """

    def __init__(
        self,
        engine: Engine,
        settings: ChatSettings,
        model: ModelSettings,
        prompts: PromptPool,
        tell_owner: TellOwner = log_notice,
    ) -> None:
        self._engine, self._settings, self._model, self._prompts = engine, settings, model, prompts
        self._tell_owner = tell_owner
        self._choices = dict[str, AdapterChoice]()
        self._loaded: set[str] = set()
        # kept, since caches of prompts know personas by identity
        self._served = dict[str, tuple[Persona, AdapterChoice, Persona]]()

    async def choose(self, persona: Persona) -> AdapterChoice:
        """Choose the persona's adapter once the base model is loaded; tell the owner of one that waits."""
        if not persona.adapters:
            return AdapterChoice()
        if persona.key not in self._choices:
            self._note(persona, await self._engine.choose_adapter(persona.key, persona.adapters))
        return self._choices[persona.key]

    def served(self, persona: Persona) -> Persona:
        """Return the persona with the adapter that it speaks under; as it is while none was chosen."""
        choice = self._choices.get(persona.key)
        if choice is None:
            return persona
        before = self._served.get(persona.key)
        if before is None or before[0] is not persona or before[1] is not choice:
            before = self._served[persona.key] = (persona, choice, persona.served_with(choice))
        return before[2]

    def note(self, persona: str) -> str:
        """Return a clause for the owner where all adapters of a persona wait for other base models."""
        choice = self._choices.get(persona)
        return choice.waiting_note(persona) if choice else ""

    async def ensure_loaded(self, persona: Persona) -> Persona:
        """Load the persona's adapter where one fits and is not loaded; return the persona as it is served.

        Raises `UserError` for an adapter that cannot be used.
        """
        _refuse(await self.choose(persona))
        served = self.served(persona)
        if served.adapter and persona.key not in self._loaded:
            await self._load(served)
        return served

    async def reload(self, persona: Persona, *, now: bool = False) -> None:
        """Choose and load anew for a persona that was read again, if that was done before, or `now`.

        Raises `UserError` for an adapter that cannot be used; the adapter loaded before then stays in use.
        """
        if not persona.adapters:
            self._choices.pop(persona.key, None)
        elif now or persona.key in self._choices:
            choice = await self._engine.choose_adapter(persona.key, persona.adapters)
            _refuse(choice)
            if choice.adapter and (now or persona.key in self._loaded):
                await self._load(persona.served_with(choice))
            self._note(persona, choice)

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

    def _note(self, persona: Persona, choice: AdapterChoice) -> None:
        before, self._choices[persona.key] = self.note(persona.key), choice
        if (note := self.note(persona.key)) and note != before:
            self._tell_owner(f"{note}.")


async def choose_all(adapters: AdapterLoader, cast: Cast) -> None:
    """Choose all personas' adapters once the model is loaded; the owner is told of those that wait.

    An adapter that is refused is left to the first reply, which says so.
    """
    for persona in cast.personas.values():
        with suppress(UserError):
            await adapters.choose(persona)


def _refuse(choice: AdapterChoice) -> None:
    if choice.refusal:
        raise UserError(choice.refusal)
