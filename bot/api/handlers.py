"""Handlers of the routes: each returns a response, or raises `ApiError` or `UserError`."""

import secrets
from collections.abc import AsyncGenerator

from aiohttp import web

from bot.api.answering import answer_chat, answer_completion, count_choices
from bot.api.answers import AnswerShape, ChatShape, CompletionShape
from bot.api.backend import Backend
from bot.api.body import read_body
from bot.api.chat_request import ChatRequest, parse_chat
from bot.api.completion_request import CompletionRequest, TokenizeFields, parse_completion
from bot.api.errors import bad_field, json_dumps, unavailable
from bot.api.event_stream import StreamTimes
from bot.api.generation import Event
from bot.api.metrics.metrics import CONTENT_TYPE
from bot.api.model_list import list_models
from bot.api.outcome import Outcome
from bot.api.prompts import echoed, tokenized
from bot.api.replies import StreamedReply, send_whole
from bot.api.request_fields import check_fields
from bot.api.request_slots import RequestSlots
from bot.api.routes import Route

_NO_PERSONA = ""  # whose texts are tokenised on the threads that personas share


class Handlers:
    """Handlers over one backend; the models are `created` at this moment, in Unix seconds."""

    def __init__(self, backend: Backend, slots: RequestSlots, created: int, times: StreamTimes) -> None:
        self._backend, self._slots, self._created, self._times = backend, slots, created, times

    async def handle(self, request: web.Request, route: Route, outcome: Outcome) -> web.StreamResponse:
        """Return the response to a request. Raises `ApiError`, or another error before the response."""
        match route.name:
            case "models":
                return self._models()
            case "model":
                return _json(self._backend.model(route.model).body(self._created))
            case "health":
                return _json({"status": "ok"})
            case "ready":
                return self._ready()
            case "metrics":
                return await self._metrics()
        with self._slots.take():
            match route.name:
                case "chat":
                    return await self._chat(request, outcome)
                case "completions":
                    return await self._completion(request, outcome)
            return await self._tokenize(request)

    def _models(self) -> web.Response:
        cast, name = self._backend.cast(), self._backend.settings.model.name
        models = [model.body(self._created) for model in list_models(cast, name)]
        return _json({"object": "list", "data": models})

    def _ready(self) -> web.Response:
        status = self._backend.engine.status()
        if status.state == "ready" and not self._backend.is_closing:
            return _json({"status": "ready"})
        stage = f": {status.stage}" if status.state == "loading" and status.stage else ""
        raise unavailable(f"The model is {status.state}{stage}.", "model_not_ready")

    async def _metrics(self) -> web.Response:
        text = await self._backend.metrics.exposition()
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE})

    async def _chat(self, request: web.Request, outcome: Outcome) -> web.StreamResponse:
        asked = await read_body(request, parse_chat)
        model = self._backend.model(asked.fields.model)
        shape = ChatShape(_new_id("chatcmpl"), model.id, self._now(), asked.fields.logprobs)
        return await self._reply(request, asked, answer_chat(self._backend, model, asked), shape, outcome)

    async def _completion(self, request: web.Request, outcome: Outcome) -> web.StreamResponse:
        asked = await read_body(request, parse_completion)
        model, fields = self._backend.model(asked.fields.model), asked.fields
        texts = await self._echoed(asked) if fields.echo else ()
        has_logprobs, id = fields.logprobs is not None, _new_id("cmpl")
        shape = CompletionShape(id, model.id, self._now(), has_logprobs, fields.n, texts)
        events = answer_completion(self._backend, model, asked)
        return await self._reply(request, asked, events, shape, outcome)

    async def _echoed(self, asked: CompletionRequest) -> tuple[str, ...]:
        facts, prompts = await self._backend.context(), asked.prompts
        return tuple([await self._backend.prompt(_NO_PERSONA, "prompt", echoed, p, facts) for p in prompts])

    async def _reply(
        self,
        request: web.Request,
        asked: ChatRequest | CompletionRequest,
        events: AsyncGenerator[Event, None],
        shape: AnswerShape,
        outcome: Outcome,
    ) -> web.StreamResponse:
        fields, count = asked.fields, count_choices(asked)
        if fields.n > (rows := self._backend.settings.model.rows):
            raise bad_field("n", f"at most {rows}, the answers that model.rows lets run at once")
        if not fields.stream:
            return await send_whole(events, shape, count)
        include_usage = bool(fields.stream_options.include_usage)
        reply = StreamedReply(request, shape, count, self._times, include_usage=include_usage)
        return await reply.send(events, outcome)

    async def _tokenize(self, request: web.Request) -> web.Response:
        asked = await read_body(request, lambda body: check_fields(TokenizeFields, body))
        facts = await self._backend.context()
        ids = await self._backend.prompt(
            _NO_PERSONA, "prompt", tokenized, asked.prompt, facts, parse_special=asked.parse_special
        )
        return _json({"count": len(ids), "max_model_len": facts.context, "tokens": list(ids)})

    def _now(self) -> int:
        return int(self._backend.clock())


def _json(body: object) -> web.Response:
    return web.json_response(body, dumps=json_dumps)


def _new_id(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(12)}"
