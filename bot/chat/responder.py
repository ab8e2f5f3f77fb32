"""The generate step of the reply pipeline: prompt, adapter, and text that people see grow."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from bot.chat.adapter_loader import AdapterLoader
from bot.chat.delivery import MAX_REPLY, bound_reply
from bot.chat.drawn_text import DrawnText, drawn_text, excuse_for, explain_reply
from bot.chat.prompt_pool import PromptPool
from bot.chat.reply_task import BeamSearch, ReplyRequest, ReplyTask
from bot.chat.resources import ChatResources
from bot.chat.streaming import StreamingPreview
from bot.chat.text_steps import apply_text_steps, open_own_words
from bot.engine.interface import Generation, Request
from bot.errors import UserError
from bot.memory.queries.records import Outgoing
from bot.message import Message, Place
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt, Tokenizer, build_prompt, open_prompt_format, thinking_budget
from bot.text.own_words import OwnWords
from bot.text.splitting import burst_messages
from bot.text.visibility import is_visible

log = logging.getLogger(__name__)

MAX_DRAWS = 3  # of one reply, where the model writes for somebody else
MAX_REQUESTS = 1000  # of all places, that wait in the engine
_FULL = "Too many answers are being made at once: ask again in a moment."
PromptObserver = Callable[[Place, Prompt, Tokenizer], None]


@dataclass(frozen=True, slots=True)
class ReplyContext:
    """Everything that a persona can have read when it replies. `is_cut`: older messages left the window."""

    place: Place
    persona: Persona
    request: ReplyRequest
    message_ids: tuple[str, ...]  # those of the request that still want a reply
    history: tuple[Message, ...]
    is_cut: bool
    parents: Mapping[str, Message]  # messages outside the history, by the ids that its messages reply to
    stale_ids: tuple[str, ...]  # the platform's ids of the reply that this one replaces
    seed: int | None = None  # of the first draw; None: one that nobody can foresee

    @property
    def reply_to(self) -> str | None:
        """The id of the message that the reply is to."""
        return self.message_ids[-1] if self.message_ids else None


@dataclass(frozen=True, slots=True)
class GeneratedReply:
    """The text of a reply, its prompt, and how the reply came about (`why` holds no word of the chat)."""

    text: str
    prompt: Prompt
    why: dict[str, object]


class Responder:
    """Generates replies with an engine. `observe_prompt` is shown every prompt before the engine is."""

    def __init__(
        self,
        resources: ChatResources,
        adapters: AdapterLoader,
        prompts: PromptPool,
        observe_prompt: PromptObserver | None = None,
    ) -> None:
        self._resources, self._adapters, self._observe_prompt = resources, adapters, observe_prompt
        self._prompts = prompts

    def close(self) -> None:
        """Build no more prompts."""
        self._prompts.close()

    async def generate(self, context: ReplyContext, task: ReplyTask) -> GeneratedReply:
        """Generate one reply and show it while it grows. Raises `UserError` where there is none."""
        persona = context.persona
        if self._resources.engine.status().queued >= MAX_REQUESTS:
            raise UserError(_FULL)
        await self._adapters.choose(persona)  # its contract decides what the prompt shows
        prompt = await self._prompt(replace(context, persona=self._adapters.served(persona)))
        persona = await self._adapters.ensure_loaded(persona)
        context = replace(context, persona=persona)
        drawn = await self._draw(context, prompt, task)
        text = bound_reply(drawn[-1].text, context.place)
        if not is_visible(text):
            raise UserError("Stopped." if task.is_stopped else excuse_for(persona, drawn[-1].answer))
        return GeneratedReply(text, prompt, explain_reply(persona, context.request.rule, prompt, drawn))

    async def preview(self, context: ReplyContext) -> Prompt:
        """Return the prompt that `generate` would give the engine; `observe_prompt` is not shown it."""
        await self._adapters.choose(context.persona)
        return await self._build_prompt(replace(context, persona=self._adapters.served(context.persona)))

    async def prompt_budget(self, persona: Persona) -> int:
        """Return the number of tokens that a prompt of this persona may have.

        Raises `UserError` where the persona's replies alone may fill the model's context.
        """
        engine, longest = self._resources.engine, persona.sampling.max_tokens
        tokenizer = await engine.tokenizer()
        context = engine.status().context
        if longest >= context:
            raise UserError(
                f"{persona.name} may write {longest:,} tokens, but the model reads and "
                f"writes {context:,} in all: lower max_tokens in its persona.toml, or with /sampling."
            )
        room = context - longest
        return room - min(room // 2, thinking_budget(persona, tokenizer, self._resources.model))

    async def _prompt(self, context: ReplyContext) -> Prompt:
        prompt = await self._build_prompt(context)
        if self._observe_prompt:
            self._observe_prompt(context.place, prompt, await self._resources.engine.tokenizer())
        return prompt

    async def _build_prompt(self, context: ReplyContext) -> Prompt:
        tokenizer = await self._resources.engine.tokenizer()
        budget = await self.prompt_budget(context.persona)
        return await self._prompts.run(context.persona.key, self._build, context, tokenizer, budget)

    def _build(self, context: ReplyContext, tokenizer: Tokenizer, budget: int) -> Prompt:
        """Build the prompt off the event loop, which never tokenises."""
        resources, persona = self._resources, context.persona
        today = datetime.fromtimestamp(resources.clock()).date()
        return build_prompt(
            persona,
            context.history,
            open_prompt_format(persona, tokenizer, resources.model, budget, today),
            system_prompt=resources.settings.system_prompt,
            cut=context.is_cut,
            parents=context.parents,
            reply_to=context.reply_to,
        )

    async def _draw(self, context: ReplyContext, prompt: Prompt, task: ReplyTask) -> list[DrawnText]:
        """Draw texts until one has own words of the persona; all draws have the deadline of one request.

        A text without any is drawn again where another speaker's lines stand in it, `MAX_DRAWS` times in all.
        """
        drawn, seconds = list[DrawnText](), self._resources.settings.deadline
        draws = 1 if context.request.beam_search else MAX_DRAWS
        while len(drawn) < draws and seconds > 0 and not (drawn and task.is_stopped):
            request = self._request(context, prompt, seconds, len(drawn))
            last = await self._stream(request, context, prompt, task)
            drawn.append(last)
            if not (not is_visible(last.text) and last.has_other_lines):
                break
            log.info("answer_of_another_speaker", extra={"place": str(context.place), "draw": len(drawn)})
            seconds -= last.answer.timings.total
        return drawn

    def _request(self, context: ReplyContext, prompt: Prompt, seconds: float, draw: int) -> Request:
        """Return the request for a reply that must be there after so many seconds; draws count from 0."""
        persona, settings = context.persona, self._resources.settings
        drawn_seed = self._resources.random.getrandbits(31)
        search = context.request.beam_search or BeamSearch(1)
        return Request(
            prompt.ids,
            persona.sampling,
            adapter=persona.key if persona.adapter else None,
            strength=persona.strength,
            place=context.place,
            shared=prompt.shared,
            stop_ids=prompt.stop_ids,
            stop=prompt.stop,
            spelt_ends=prompt.spelt_ends,
            spared=prompt.spared,
            thinking_budget=prompt.thinking_budget,
            seed=drawn_seed if context.seed is None else context.seed + draw,
            beams=search.beams,
            length_penalty=search.length_penalty,
            first_deadline=settings.first_deadline,
            deadline=seconds,
        )

    async def _stream(
        self, request: Request, context: ReplyContext, prompt: Prompt, task: ReplyTask
    ) -> DrawnText:
        async def begin() -> Outgoing | None:
            return await self._draft(context, task)

        resources, place, persona = self._resources, context.place, context.persona
        own_words = open_own_words(persona, prompt.speakers, prompt.lines, prompt.recent)
        preview = StreamingPreview(resources.memory, resources.outlet(place), place, persona, begin)
        try:
            async with resources.engine.generate(request) as generation, preview:
                task.attach(generation)
                is_search = request.beams > 1
                await _feed(preview, generation, persona, own_words, is_search=is_search)
                return drawn_text(generation.answers[0], persona, own_words)
        finally:
            task.note_preview(preview.sent_id)

    async def _draft(self, context: ReplyContext, task: ReplyTask) -> Outgoing | None:
        """Return the part in which the growing reply is shown; None where it is not shown.

        Memory notes a message that stays before it is sent, so that a later process finds it again. Memory
        has no such note for a reply that a command asks for, which is not shown where messages stay.
        """
        stays, request = self._resources.outlet(context.place).stays(context.place), context.request
        if stays and not request.messages:
            return None
        task.mark_visible()
        if not stays:
            return Outgoing("", context.place, 0, "", "sending", 0, None, context.persona.key)
        first = request.messages[0].id
        return await self._resources.memory.draft(context.place, first, context.persona.key)


async def _feed(
    preview: StreamingPreview,
    generation: Generation,
    persona: Persona,
    own_words: OwnWords,
    *,
    is_search: bool,
) -> None:
    """Give the preview each longer beginning of the reply; of a burst, its first message until the second.

    Of a search by beams it is given the best text so far, in which no line is certain before the end.

    A reply ends here where another speaker's line begins, where it is longer than people will see, or where
    somebody deletes the preview.
    """
    text, is_shown_whole = "", False
    async for piece in generation:
        text = piece.added_to(text)
        shown = apply_text_steps(text, persona, whole=False, own_words=own_words)
        is_too_long = len(text) > 2 * MAX_REPLY  # whatever the text steps leave of it
        if (own_words.ended and not is_search) or is_too_long or preview.is_deleted:
            generation.cancel()
        if not is_shown_whole and is_visible(shown):
            messages = list(islice(burst_messages(shown), 2)) if persona.bursts else [shown]
            is_shown_whole = len(messages) > 1 and not is_search
            await preview.feed(messages[0])
