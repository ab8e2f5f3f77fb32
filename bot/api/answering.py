"""Answers to chat requests and completions, as events."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from bot.api.backend import Backend
from bot.api.candidate_text import CandidateText, RawText, open_text
from bot.api.chat_request import ChatRequest
from bot.api.completion_request import CompletionRequest
from bot.api.generation import Delta, Event, generate
from bot.api.model_list import ServedModel
from bot.api.prompts import card_prompt, raw_prompt, template_prompt
from bot.api.request_fields import GenerationFields
from bot.engine.interface import Request
from bot.persona.persona import Persona
from bot.prompt.builder import Prompt


async def answer_chat(
    backend: Backend, model: ServedModel, request: ChatRequest
) -> AsyncGenerator[Event, None]:
    """Yield the events of a chat's answer. Raises `ApiError`, or `UserError` of the engine."""
    model = await backend.served(model)
    persona, fields = model.persona, request.fields
    has_card = request.wrapping == "card" and not model.is_base
    make = card_prompt if has_card else template_prompt
    asked = await backend.context()
    prompt = await backend.prompt(persona.key, "messages", make, persona, request, asked)
    texts = [open_text(persona, prompt, request.begun) if has_card else RawText() for _ in range(fields.n)]
    made = _engine_request(backend, persona, prompt, fields, asked.context, request.likeliest)
    ids_field = "logit_bias" if fields.logit_bias else None
    async with aclosing(generate(backend.engine, made, texts, backend.running, ids_field)) as events:
        async for event in events:
            yield event


async def answer_completion(
    backend: Backend, model: ServedModel, request: CompletionRequest
) -> AsyncGenerator[Event, None]:
    """Yield the events of all prompts' answers, one prompt after another; choices are counted over all."""
    model = await backend.served(model)
    persona, fields = model.persona, request.fields
    asked = await backend.context()
    for number, given in enumerate(request.prompts):
        prompt = await backend.prompt(
            persona.key, "prompt", raw_prompt, given, asked, parse_special=fields.parse_special
        )
        texts: Sequence[CandidateText] = [RawText() for _ in range(fields.n)]
        made = _engine_request(backend, persona, prompt, fields, asked.context, fields.logprobs)
        ids_field = "prompt" if isinstance(given, tuple) else "logit_bias" if fields.logit_bias else None
        async with aclosing(generate(backend.engine, made, texts, backend.running, ids_field)) as events:
            async for event in events:
                first = number * fields.n
                if isinstance(event, Delta):
                    yield replace(event, index=first + event.index)
                else:
                    yield replace(event, first=first)


def count_choices(request: ChatRequest | CompletionRequest) -> int:
    """Return the number of choices that an answer has."""
    prompts = len(request.prompts) if isinstance(request, CompletionRequest) else 1
    return prompts * request.fields.n


def _engine_request(
    backend: Backend,
    persona: Persona,
    prompt: Prompt,
    fields: GenerationFields,
    context: int,
    likeliest: int | None,
) -> Request:
    """Return the engine's request. It has no place: nothing of it is kept but what the card shares."""
    chat = backend.settings.chat
    return Request(
        prompt.ids,
        fields.sampling_over(persona.sampling, context - len(prompt.ids)),
        adapter=persona.key if persona.adapter else None,
        strength=persona.strength,
        shared=prompt.shared,
        stop_ids=prompt.stop_ids,
        stop=(*prompt.stop, *fields.stops),
        spelt_ends=prompt.spelt_ends,
        spared=prompt.spared,
        thinking_budget=prompt.thinking_budget,
        seed=None if fields.seed is None else fields.seed % 2**62,
        n=fields.n,
        logit_bias=fields.biases,
        logprobs=likeliest,
        first_deadline=chat.first_deadline,
        deadline=chat.deadline,
    )
