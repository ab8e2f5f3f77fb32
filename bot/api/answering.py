"""Answers to chat requests and completions, as events."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from bot.api.backend import Backend
from bot.api.candidate_text import CandidateText, RawText, open_text
from bot.api.chat_request import ChatRequest
from bot.api.completion_request import CompletionRequest
from bot.api.generation import Delta, Event, Usage, generate
from bot.api.model_list import ServedModel
from bot.api.prompts import card_prompt, raw_prompt, template_prompt
from bot.api.request_fields import GenerationFields
from bot.chat.responder import MAX_DRAWS
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
    made = _engine_request(backend, persona, prompt, fields, asked.context, request.likeliest)
    if not has_card:
        texts: Sequence[CandidateText] = [RawText() for _ in range(fields.n)]
        events = _generate(backend, made, texts, _biases_field(fields))
    else:
        events = _own_answer(backend, made, persona, prompt, request)
    async with aclosing(events):
        async for event in events:
            yield event


async def _own_answer(
    backend: Backend, made: Request, persona: Persona, prompt: Prompt, request: ChatRequest
) -> AsyncGenerator[Event, None]:
    """Yield the events of an answer in a persona's own words.

    As in chats, an answer is drawn again where it has none, but another speaker's lines. Several candidates,
    and the tokens of logprobs, are told as they are drawn; a beam search would find the same answer again.
    """
    fields, lost = request.fields, Usage(0, 0, 0)
    draws_again = fields.n == fields.num_beams == 1 and request.likeliest is None
    draws = MAX_DRAWS if draws_again else 1
    for draw in range(1, draws + 1):
        texts = [open_text(persona, prompt, request.begun) for _ in range(fields.n)]
        has_words = False
        async with aclosing(_generate(backend, made, texts, _biases_field(fields))) as events:
            async for event in events:
                if isinstance(event, Delta):
                    has_words = True
                    yield event
                elif has_words or draw == draws or not texts[0].has_other_lines:
                    yield replace(event, usage=event.usage + lost)
                    return
                else:
                    lost += replace(event.usage, prompt=0)
        made = replace(made, seed=None if made.seed is None else made.seed + 1)


def _biases_field(fields: GenerationFields) -> str | None:
    return "logit_bias" if fields.logit_bias else None


def _generate(
    backend: Backend, made: Request, texts: Sequence[CandidateText], ids_field: str | None
) -> AsyncGenerator[Event, None]:
    """Begin a generation, unless the server was asked to end since the request came."""
    backend.check_open()
    return generate(backend.engine, made, texts, backend.running, backend.metrics.requests.observe, ids_field)


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
        texts = [RawText() for _ in range(fields.n)]
        made = _engine_request(backend, persona, prompt, fields, asked.context, fields.logprobs)
        ids_field = "prompt" if isinstance(given, tuple) else _biases_field(fields)
        async with aclosing(_generate(backend, made, texts, ids_field)) as events:
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
        beams=fields.num_beams,
        length_penalty=fields.length_penalty,
        logit_bias=fields.biases,
        logprobs=likeliest,
        first_deadline=chat.first_deadline,
        deadline=chat.deadline,
    )
