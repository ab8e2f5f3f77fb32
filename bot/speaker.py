"""From what was said to what a persona says: its prompt, its adapter, its words as they come."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from random import Random

from bot.config import ChatSettings, ModelSettings
from bot.delivery import Outlet, tidy
from bot.engine.engine import Answer, Engine, Request
from bot.errors import UserError
from bot.message import Message, Place
from bot.persona.persona import Persona
from bot.prompt import Prompt, Reader, Tokenizer, build
from bot.room import Attempt
from bot.template import open_template

Watcher = Callable[[Place, Prompt, Tokenizer], None]


@dataclass(frozen=True, slots=True)
class Past:
    """What a persona can have read when it speaks, and whether older words have left the window."""

    history: Sequence[Message]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a persona said, what it had read, and how it came about (without a word of it)."""

    text: str
    prompt: Prompt
    why: dict[str, object]


class Speaker:
    """Lets personas speak through an engine. `watch` is shown every prompt before the engine is."""

    def __init__(
        self,
        engine: Engine,
        settings: ChatSettings,
        model: ModelSettings,
        dice: Random,
        watch: Watcher | None = None,
    ) -> None:
        self._engine, self._settings, self._model = engine, settings, model
        self._dice, self._watch = dice, watch
        self._adapters: set[str] = set()

    async def speak(
        self, persona: Persona, past: Past, place: Place, attempt: Attempt, outlet: Outlet
    ) -> Spoken:
        """One answer to what was said, shown while it comes. Raises `UserError` when there is none."""
        prompt = await self._prompt(persona, past, place)
        await self._load_adapter(persona)
        answer = await self._generate(self._request(persona, prompt, place), persona, place, attempt, outlet)
        text = tidy(answer.text, persona.name, whole=True)
        if not text:
            raise UserError("Stopped." if attempt.stopped else f"{persona.name} found no words; ask again.")
        return Spoken(text, prompt, _why(attempt, persona, prompt, answer))

    async def budget(self, persona: Persona) -> int:
        """How many tokens a prompt of this persona may have."""
        await self._engine.tokenizer()
        context = self._engine.status().context
        if persona.sampling.max_tokens >= context:
            raise UserError(
                f"{persona.name} may write {persona.sampling.max_tokens:,} tokens, but the model reads and "
                f"writes {context:,} in all: lower sampling.max_tokens in its persona.toml."
            )
        return context - persona.sampling.max_tokens

    async def _prompt(self, persona: Persona, past: Past, place: Place) -> Prompt:
        tokenizer, budget = await self._engine.tokenizer(), await self.budget(persona)
        prompt = await asyncio.to_thread(self._build, persona, past, tokenizer, budget)
        if self._watch:
            self._watch(place, prompt, tokenizer)
        return prompt

    def _build(self, persona: Persona, past: Past, tokenizer: Tokenizer, budget: int) -> Prompt:
        """Off the event loop, which never tokenises."""
        source = persona.template or self._model.template or tokenizer.template
        if not source:
            raise UserError(
                f"The model {self._model.name} has no chat template: set model.template to chatml, plain or "
                "one of your own."
            )
        template = open_template(source, tokenizer.special, persona.name)
        reader = Reader(tokenizer, template, budget)
        return build(
            persona, past.history, reader, system_prompt=self._settings.system_prompt, cut=past.is_cut
        )

    async def _load_adapter(self, persona: Persona) -> None:
        if persona.adapter and persona.key not in self._adapters:
            await self._engine.add_adapter(persona.key, persona.adapter)
            self._adapters.add(persona.key)

    def _request(self, persona: Persona, prompt: Prompt, place: Place) -> Request:
        return Request(
            prompt.ids,
            persona.sampling,
            adapter=persona.key if persona.adapter else None,
            strength=persona.strength,
            place=place,
            shared=prompt.shared,
            stop_ids=prompt.stop_ids,
            stop=prompt.stop,
            seed=self._dice.getrandbits(31),
            first_deadline=self._settings.first_deadline,
            deadline=self._settings.deadline,
        )

    async def _generate(
        self, request: Request, persona: Persona, place: Place, attempt: Attempt, outlet: Outlet
    ) -> Answer:
        text = ""
        async with self._engine.generate(request) as generation:
            attempt.generation = generation
            if attempt.stopped:
                generation.cancel()
            async for piece in generation:
                text += piece.text
                if shown := tidy(text, persona.name):
                    attempt.visible = True
                    await outlet.show(place, persona, shown)
            return generation.answers[0]


def _why(attempt: Attempt, persona: Persona, prompt: Prompt, answer: Answer) -> dict[str, object]:
    return {
        "rule": attempt.rule,
        "persona": persona.key,
        "adapter": persona.adapter.name if persona.adapter else None,
        "sampling": persona.sampling.model_dump(),
        "prompt": prompt.tokens(),
        "tokens": answer.tokens,
        "finish": answer.finish,
        "seconds": {name: round(seconds, 3) for name, seconds in asdict(answer.timings).items()},
    }
