"""Routes of what is said in a conversation: messages, swipes, and answers that somebody asks for."""

import time
from collections.abc import Mapping
from uuid import uuid4

from aiohttp import web

from bot.api.body import read_body
from bot.api.errors import ApiError, bad_field
from bot.chat import proactive
from bot.chat.reply_task import BeamSearch, ReplyRequest
from bot.memory.queries.records import LastAnswer, ShownMessage
from bot.message import Message, Place, check_text
from bot.platforms.web.conversation_routes import Values, json_response
from bot.platforms.web.conversations import Conversations
from bot.platforms.web.fields import BeamFields, MessageFields, SwipeFields
from bot.platforms.web.routes import RouteTable
from bot.platforms.web.views import message_view

_NOTHING = "Nothing was said yet that could be answered: write a message."
_GREETED = ("greeting", "posted")  # rules of answers that no model made


class MessageRoutes:
    """Handlers over the messages of the page."""

    def __init__(self, conversations: Conversations) -> None:
        self._all = conversations
        self._chat, self._memory = conversations.chat, conversations.memory

    def add_routes(self, routes: RouteTable) -> None:
        base = "/page/conversations/{id}"
        routes.add("POST", f"{base}/messages", self._say)
        routes.add("PATCH", f"{base}/messages/{{message}}", self._edit)
        routes.add("DELETE", f"{base}/messages/{{message}}", self._remove)
        routes.add("POST", f"{base}/again", self._again)
        routes.add("POST", f"{base}/swipe", self._swipe)
        routes.add("POST", f"{base}/continue", self._continue)
        routes.add("POST", f"{base}/stop", self._stop)
        routes.add("POST", f"{base}/reset", self._reset)
        routes.add("POST", f"{base}/beams", self._beams)

    async def open(self) -> None:
        """Begin with nothing: messages are in memory."""

    def stop_intake(self) -> None:
        """End nothing: no response here lasts."""

    async def _say(self, request: web.Request, values: Values) -> web.Response:
        place = await self._all.place(values["id"])
        text = await self._text(request)
        message = Message(place, uuid4().hex, self._all.author, text, time.time(), address="direct")
        await self._chat.receive(message)
        self._all.listeners.tell(place, "message", **message_view(ShownMessage(message, 0, 0)))
        return json_response({"id": message.id}, status=202)

    async def _edit(self, request: web.Request, values: Values) -> web.Response:
        place, message = await self._quiet_message(values)
        text = await self._text(request)
        self._all.check_quiet(place)
        change = self._memory.edit if message.persona is None else self._memory.rewrite
        await change(place, message.id, text)
        await self._tell(place, message.id)
        return json_response({"id": message.id})

    async def _remove(self, request: web.Request, values: Values) -> web.Response:
        place, message = await self._quiet_message(values)
        if message.persona is None:
            await self._memory.remove(place, [message.id])
        else:
            await self._memory.erase_answer(place, message.id)
        self._all.listeners.tell(place, "removed", id=message.id)
        return json_response({})

    async def _again(self, request: web.Request, values: Values) -> web.Response:
        place = await self._quiet(values)
        last = await self._last_answer(place)
        if last and last.rule in _GREETED and last.read is None:
            await self._greet_anew(place, last)
            return json_response({}, status=202)
        return await self._ask(place, await self._request(place, last, "asked again"))

    async def _continue(self, request: web.Request, values: Values) -> web.Response:
        place = await self._quiet(values)
        last = await self._memory.last_answer(place)
        key = last.message.persona if last else None
        persona = self._chat.cast.find(key) if key else await self._chat.resident(place)
        return await self._ask(place, ReplyRequest(persona.key, "asked to go on", user=self._all.author.id))

    async def _beams(self, request: web.Request, values: Values) -> web.Response:
        place = await self._quiet(values)
        fields = await read_body(request, BeamFields.read)
        if fields.beams > (rows := self._chat.rows):
            raise bad_field("beams", f"at most {rows}, the answers that model.rows lets run at once")
        search = BeamSearch(fields.beams, fields.length_penalty, fields.max_tokens)
        last = await self._last_answer(place)
        if last and last.rule in _GREETED and last.read is None:
            raise ApiError(409, _NOTHING, code="nothing")
        return await self._ask(place, await self._request(place, last, "asked for beams", search))

    async def _swipe(self, request: web.Request, values: Values) -> web.Response:
        place = await self._quiet(values)
        index = (await read_body(request, SwipeFields.read)).index
        self._all.check_quiet(place)
        last = await self._last_answer(place)
        if last is None:
            raise ApiError(409, "There is no answer at the end to choose another one for.", code="nothing")
        await self._choose(place, last, index)
        return json_response({})

    async def _stop(self, request: web.Request, values: Values) -> web.Response:
        place = await self._all.place(values["id"])
        return json_response({"stopped": self._chat.worker(place).stop()})

    async def _reset(self, request: web.Request, values: Values) -> web.Response:
        place = await self._quiet(values)
        await self._all.reset(place)
        return json_response(await self._all.view(place))

    async def _request(
        self, place: Place, last: LastAnswer | None, rule: str, search: BeamSearch | None = None
    ) -> ReplyRequest:
        """Return the request for another answer in place of the last one, or for the first to a message."""
        key = last.message.persona if last else None
        persona = self._chat.cast.find(key) if key else await self._chat.resident(place)
        return ReplyRequest(persona.key, rule, replaces=last, user=self._all.author.id, beam_search=search)

    async def _ask(self, place: Place, request: ReplyRequest) -> web.Response:
        """Queue a reply where there is something to reply to."""
        if not await self._memory.history(place, limit=1):
            raise ApiError(409, _NOTHING, code="nothing")
        self._all.check_quiet(place)
        self._chat.worker(place).enqueue_request(request)
        return json_response({}, status=202)

    async def _last_answer(self, place: Place) -> LastAnswer | None:
        """Return the answer that the conversation ends with; None where it ends with a person's message."""
        newest = await self._memory.history(place, limit=1)
        last = await self._memory.last_answer(place)
        return last if last and newest and newest[-1].id == last.message.id else None

    async def _greet_anew(self, place: Place, last: LastAnswer) -> None:
        """Send the next greeting that was not sent yet; where there is none, go round those that were."""
        said = await self._memory.swipes(place, last.message.id)
        greetings = await proactive.greetings_in(self._chat, place, self._all.author)
        texts = {each.text for each in said}
        if fresh := [text for text in greetings if text not in texts]:
            await proactive.replace_greeting(self._chat, place, fresh[0], self._all.author, last)
        elif len(said) > 1:
            at = [each.id for each in said].index(last.message.id)
            await self._choose(place, last, (at + 1) % len(said))
        else:
            raise ApiError(409, "This persona has no other greeting.", code="nothing")

    async def _choose(self, place: Place, last: LastAnswer, index: int) -> None:
        chosen = await self._memory.choose_swipe(place, last.message.id, index)
        if chosen is None:
            raise ApiError(404, "There is no such swipe: read the conversation again.", code="unknown_swipe")
        await self._tell(place, chosen.id)
        if chosen.id != last.message.id:
            self._all.listeners.tell(place, "removed", id=last.message.id)

    async def _quiet(self, values: Values) -> Place:
        """Return the place of a conversation where no answer is being made."""
        place = await self._all.place(values["id"])
        self._all.check_quiet(place)
        return place

    async def _quiet_message(self, values: Mapping[str, str]) -> tuple[Place, Message]:
        place = await self._quiet(values)
        message = await self._memory.find_shown(place, values["message"])
        if message is None:
            raise ApiError(404, "There is no such message: it may be removed.", code="unknown_message")
        return place, message.message

    async def _text(self, request: web.Request) -> str:
        fields = await read_body(request, MessageFields.read)
        return check_text(fields.text, self._chat.settings.message_characters)

    async def _tell(self, place: Place, message_id: str) -> None:
        if shown := await self._memory.find_shown(place, message_id):
            self._all.listeners.tell(place, "message", **message_view(shown))
