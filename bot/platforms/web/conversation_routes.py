"""Routes of conversations as a whole: list, begin, read, name, erase, sampling and export."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.api.body import read_body
from bot.api.errors import bad_field, json_dumps
from bot.chat.scoped_sampling import SAMPLING_VALUES, SEED, change_values, set_seed
from bot.memory.queries.own_conversations import PERSONA
from bot.platforms.web.conversations import Conversations
from bot.platforms.web.export import export_conversation
from bot.platforms.web.fields import ConversationChange, ConversationFields, SeedFields
from bot.platforms.web.routes import RouteTable
from bot.platforms.web.views import listed_view

Values = Mapping[str, str]


class ConversationRoutes:
    """Handlers over the conversations of the page."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    def add_routes(self, routes: RouteTable) -> None:
        routes.add("GET", "/page/conversations", self._list)
        routes.add("POST", "/page/conversations", self._begin)
        routes.add("GET", "/page/conversations/{id}", self._read)
        routes.add("PATCH", "/page/conversations/{id}", self._change)
        routes.add("DELETE", "/page/conversations/{id}", self._erase)
        routes.add("PUT", "/page/conversations/{id}/sampling", self._set_sampling)
        routes.add("GET", "/page/conversations/{id}/export", self._export)

    async def open(self) -> None:
        """Begin with nothing: conversations are in memory."""

    def stop_intake(self) -> None:
        """End nothing: no response here lasts."""

    async def _list(self, request: web.Request, values: Values) -> web.Response:
        listed = await self._conversations.list()
        return json_response({"conversations": [*map(listed_view, listed)]})

    async def _begin(self, request: web.Request, values: Values) -> web.Response:
        fields = await read_body(request, ConversationFields.read)
        place = await self._conversations.begin(self._conversations.persona(fields.persona))
        return json_response(await self._conversations.view(place), status=201)

    async def _read(self, request: web.Request, values: Values) -> web.Response:
        place = await self._conversations.place(values["id"])
        return json_response(await self._conversations.view(place))

    async def _change(self, request: web.Request, values: Values) -> web.Response:
        place = await self._conversations.place(values["id"])
        change = await read_body(request, ConversationChange.read)
        persona = self._conversations.persona(change.persona) if change.persona else None
        if persona:
            await self._conversations.memory.set_setting(str(place), PERSONA, persona.key)
        if change.title is not None:
            await self._conversations.rename(place, change.title)
        return json_response(await self._conversations.view(place))

    async def _erase(self, request: web.Request, values: Values) -> web.Response:
        await self._conversations.erase(await self._conversations.place(values["id"]))
        return json_response({})

    async def _set_sampling(self, request: web.Request, values: Values) -> web.Response:
        place = await self._conversations.place(values["id"])
        given = await read_body(request, dict, keeps_null=True)
        seed = SeedFields.read({SEED: given.pop(SEED)}) if SEED in given else None
        texts = {name: _text(name, value) for name, value in given.items()}
        conversations, chat = self._conversations, self._conversations.chat
        context = chat.engine.status().context
        await change_values(conversations.memory, place, await chat.resident(place), texts, context=context)
        if seed:
            await set_seed(conversations.memory, place, seed.seed)
        return json_response(await conversations.view(place))

    async def _export(self, request: web.Request, values: Values) -> web.Response:
        place, kind = await self._conversations.place(values["id"]), request.query.get("format", "markdown")
        if kind not in ("markdown", "json"):
            raise bad_field("format", "write markdown or json")
        return await export_conversation(self._conversations, place, as_json=kind == "json")


def json_response(body: object, status: int = 200) -> web.Response:
    """Return an object of JSON as a response."""
    return web.json_response(body, status=status, dumps=json_dumps)


def _text(name: str, value: Any) -> str | None:
    """Return a value of sampling as people type it; None for the persona's own. Raises `ApiError`."""
    if name not in SAMPLING_VALUES:
        raise bad_field("name", f"there is no value {name[:60]!r}: known are {', '.join(SAMPLING_VALUES)}")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str) or len(repr(value)) > 40:
        raise bad_field(name, "write a number")
    return (
        repr(value) if isinstance(value, float) and not value.is_integer() else f"{value}".removesuffix(".0")
    )
