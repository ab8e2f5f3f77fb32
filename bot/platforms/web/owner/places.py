"""Places: their queues, messages page by page, the settings that hold there, and the end of it all."""

from collections.abc import Callable, Mapping
from functools import partial

from aiohttp import web
from pydantic import Field

from bot.api.body import read_body
from bot.api.errors import ApiError
from bot.chat import proactive
from bot.chat.chat import Chat
from bot.chat.commands.call import CommandCall, Level
from bot.chat.commands.table import run_command
from bot.config import Config
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Author, Place
from bot.platforms.web.fields import PageFields
from bot.platforms.web.owner.place_values import place_settings
from bot.platforms.web.owner.replies import json_reply, stored_place
from bot.platforms.web.routes import RouteTable

_BUSY = "An answer is being made; stop it first."


class PlaceFields(PageFields):
    """A place, named as the list names it."""

    place: str


class ErasureFields(PlaceFields):
    """A place to be erased; its name is typed again."""

    confirm: str


class ChangeFields(PlaceFields):
    """A value of a place, or of its whole server; "default" removes it."""

    name: str = Field(max_length=100)
    value: str = Field(max_length=1_000)
    server: bool = False


class PlacesPage:
    """Routes of places; all rights are those of an owner."""

    def __init__(
        self, chat: Chat, memory: Memory, settings: Config, erase_prompts: Callable[[], object]
    ) -> None:
        """`erase_prompts` deletes the files that hold prompts."""
        self._chat, self._memory, self._erase_prompts = chat, memory, erase_prompts
        self._owner = Author("local", settings.terminal.name)

    def add_routes(self, routes: RouteTable) -> None:
        routes.add("GET", "/page/owner/places", self._places)
        routes.add("GET", "/page/owner/place", self._place)
        routes.add("POST", "/page/owner/place/settings", partial(self._change, "settings"))
        routes.add("POST", "/page/owner/place/sampling", partial(self._change, "sampling"))
        routes.add("POST", "/page/owner/place/reset", self._reset)
        routes.add("POST", "/page/owner/place/stop", self._stop)
        routes.add("POST", "/page/owner/place/erase", self._erase)

    async def _places(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """List all places, the one with the newest message first."""
        remembered = sorted(await self._memory.places(), key=lambda each: -(each.newest or 0))
        workers = {worker.place: worker for worker in self._chat.workers()}
        return json_reply(
            {
                "places": [
                    {
                        "place": str(each.place),
                        "messages": each.messages,
                        "newest": each.newest,
                        "busy": each.place in workers and workers[each.place].busy,
                        "waiting": workers[each.place].waiting if each.place in workers else 0,
                    }
                    for each in remembered
                ]
            }
        )

    async def _place(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        place = await stored_place(self._memory, request.query.get("place", ""))
        return json_reply(await self._details(place))

    async def _details(self, place: Place) -> dict[str, object]:
        worker = self._chat.worker(place)
        return {
            "place": str(place),
            "has_server": bool(place.server),
            "busy": worker.busy,
            "waiting": worker.waiting,
            "why": await self._run("why", place),
            **await place_settings(self._chat, self._memory, place),
        }

    async def _change(self, command: str, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Change a value as the command of that name does, with the same checks."""
        fields = await read_body(request, ChangeFields.read)
        place = await stored_place(self._memory, fields.place)
        if not fields.value.strip() and fields.name != "reset":
            raise ApiError(400, "value: write one, or default.", "value", "invalid_value")
        options = {"name": fields.name, "value": fields.value, "where": "server" if fields.server else ""}
        return json_reply(
            {"text": await self._run(command, place, options), "place": await self._details(place)}
        )

    async def _reset(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Begin a conversation anew, with a greeting where the place's platform runs here."""
        place = await self._idle_place((await read_body(request, PlaceFields.read)).place)
        await self._memory.reset(place)
        await self._chat.engine.forget(place)
        if self._chat.is_joined(place.platform):
            await proactive.greet(self._chat, self._memory, place, self._owner)
        return json_reply({"text": "The conversation begins anew.", "place": await self._details(place)})

    async def _stop(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        fields = await read_body(request, PlaceFields.read)
        place = await stored_place(self._memory, fields.place)
        return json_reply({"stopped": self._chat.worker(place).stop()})

    async def _erase(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Erase a place, to the last copy, as `data forget --place` does."""
        fields = await read_body(request, ErasureFields.read)
        if fields.confirm != fields.place:
            message = "Type the whole name of the place: nothing was erased."
            raise ApiError(400, message, "confirm", "not_confirmed")
        place = await self._idle_place(fields.place)
        erased = await self._memory.erase_place(place)
        await self._chat.engine.forget(place)
        self._erase_prompts()
        return json_reply(
            {"messages": erased.messages, "answers": erased.answers, "settings": erased.settings}
        )

    async def _idle_place(self, name: str) -> Place:
        """Return a place in which no answer is being made. Raises `UserError` for another one."""
        place = await stored_place(self._memory, name)
        if self._chat.worker(place).busy:
            raise UserError(_BUSY)
        return place

    async def _run(self, name: str, place: Place, options: Mapping[str, str] | None = None) -> str:
        call = CommandCall(self._chat, self._memory, place, self._owner, Level.OWNER, options or {})
        return await run_command(name, call)
