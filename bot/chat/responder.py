"""From what was said to what a persona says: its prompt, its adapter, its words as they come."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random

from bot.chat.delivery import Outlet
from bot.chat.streaming import StreamingPreview
from bot.chat.worker import ReplyTask
from bot.config import ChatSettings, ModelSettings
from bot.engine.interface import Answer, Engine, Generation, Request
from bot.errors import UserError
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Message, Place
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt, Tokenizer, build_prompt, open_prompt_format
from bot.prompt.contract import check_contract, prompt_contract
from bot.text.splitting import split_burst
from bot.text.tidy import tidy

PromptObserver = Callable[[Place, Prompt, Tokenizer], None]


@dataclass(frozen=True, slots=True)
class ReplyContext:
    """What a persona can have read when it speaks, and whether older words have left the window."""

    history: Sequence[Message]
    is_cut: bool
    parents: Mapping[str, Message]  # messages outside of it, by the ids that its messages reply to
    reply_to: str | None  # what is to be answered


@dataclass(frozen=True, slots=True)
class GeneratedReply:
    """What a persona said, what it had read, and how it came about (without a word of it)."""

    text: str
    prompt: Prompt
    why: dict[str, object]


class Responder:
    """Lets personas speak through an engine. `watch` is shown every prompt before the engine is."""

    def __init__(
        self,
        memory: Memory,
        engine: Engine,
        settings: ChatSettings,
        model: ModelSettings,
        dice: Random,
        watch: PromptObserver | None = None,
    ) -> None:
        self._memory, self._engine, self._settings, self._model = memory, engine, settings, model
        self._dice, self._watch = dice, watch
        self._adapters: set[str] = set()

    async def speak(
        self, persona: Persona, past: ReplyContext, place: Place, attempt: ReplyTask, outlet: Outlet
    ) -> GeneratedReply:
        """One answer to what was said, shown while it comes. Raises `UserError` when there is none."""
        prompt = await self._prompt(persona, past, place)
        if persona.adapter and persona.key not in self._adapters:
            await self._load_adapter(persona)
        answer = await self._generate(self._request(persona, prompt, place), persona, place, attempt, outlet)
        text = tidy(answer.text, persona.name, whole=True)
        if not text:
            raise UserError("Stopped." if attempt.stopped else f"{persona.name} found no words; ask again.")
        return GeneratedReply(text, prompt, _why(attempt, persona, prompt, answer))

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

    async def _prompt(self, persona: Persona, past: ReplyContext, place: Place) -> Prompt:
        tokenizer, budget = await self._engine.tokenizer(), await self.budget(persona)
        prompt = await asyncio.to_thread(self._build, persona, past, tokenizer, budget)
        if self._watch:
            self._watch(place, prompt, tokenizer)
        return prompt

    def _build(self, persona: Persona, past: ReplyContext, tokenizer: Tokenizer, budget: int) -> Prompt:
        """Off the event loop, which never tokenises."""
        return build_prompt(
            persona,
            past.history,
            open_prompt_format(persona, tokenizer, self._model, budget),
            system_prompt=self._settings.system_prompt,
            cut=past.is_cut,
            parents=past.parents,
            reply_to=past.reply_to,
        )

    async def take_up(self, persona: Persona, *, now: bool = False) -> None:
        """Follow a persona that was read again: its adapter is loaded anew if it was before, or `now`.

        Raises `UserError` where it cannot be used; the one before then stays in use.
        """
        if persona.adapter and (now or persona.key in self._adapters):
            await self._load_adapter(persona)

    async def let_go(self, persona: Persona) -> None:
        """Forget a persona's adapter."""
        if persona.key in self._adapters:
            self._adapters.discard(persona.key)
            await self._engine.drop_adapter(persona.key)

    async def _load_adapter(self, persona: Persona) -> None:
        assert persona.adapter
        tokenizer = await self._engine.tokenizer()
        await asyncio.to_thread(self._check_adapter, persona, tokenizer)
        await self._engine.add_adapter(persona.key, persona.adapter)
        self._adapters.add(persona.key)

    def _check_adapter(self, persona: Persona, tokenizer: Tokenizer) -> None:
        reader = open_prompt_format(persona, tokenizer, self._model, 0)
        check_contract(persona, prompt_contract(persona, reader, self._settings.system_prompt))

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
        self, request: Request, persona: Persona, place: Place, attempt: ReplyTask, outlet: Outlet
    ) -> Answer:
        async def begin() -> Outgoing | None:
            return await self._draft(place, persona, attempt, outlet)

        preview = StreamingPreview(self._memory, outlet, place, persona, begin)
        try:
            async with self._engine.generate(request) as generation, preview:
                attempt.generation = generation
                if attempt.stopped:
                    generation.cancel()
                await _show(generation, persona, preview)
                return generation.answers[0]
        finally:
            attempt.shown_in = preview.sent_id

    async def _draft(
        self, place: Place, persona: Persona, attempt: ReplyTask, outlet: Outlet
    ) -> Outgoing | None:
        """What the answer is shown in. In a message that stays it must be known before, to be found again;
        there is no such note for an answer that no message asked for.
        """
        if outlet.stays(place) and not attempt.messages:
            return None
        attempt.visible = True
        if not outlet.stays(place):
            return Outgoing("", place, 0, "", "sending", 0, None, persona.key)
        return await self._memory.draft(place, attempt.messages[0].id, persona.key)


async def _show(generation: Generation, persona: Persona, preview: StreamingPreview) -> None:
    """Let the preview have an answer as it comes."""
    text = ""
    async for piece in generation:
        text += piece.text
        if shown := tidy(text, persona.name):
            await preview.feed(split_burst(shown)[0] if persona.bursts else shown)


def _why(attempt: ReplyTask, persona: Persona, prompt: Prompt, answer: Answer) -> dict[str, object]:
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
