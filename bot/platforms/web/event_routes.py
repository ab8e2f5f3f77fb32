"""The stream of a conversation's events, for as long as a page listens."""

from collections.abc import Mapping
from contextlib import aclosing

from aiohttp import web

from bot.api.event_stream import ClientLeft, EventStream, StreamTimes, with_pauses
from bot.platforms.web.conversations import ACCOUNT, PLATFORM, Conversations
from bot.platforms.web.outlet import WebOutlet
from bot.platforms.web.routes import RouteTable


class EventRoutes:
    """The handler of event streams, with which the page joins the chat."""

    def __init__(self, conversations: Conversations, outlet: WebOutlet, times: StreamTimes) -> None:
        self._conversations, self._outlet, self._times = conversations, outlet, times

    def add_routes(self, routes: RouteTable) -> None:
        routes.add("GET", "/page/conversations/{id}/events", self._events)

    async def open(self) -> None:
        """Join the chat, and take up the messages that an earlier process left unanswered."""
        self._conversations.chat.join(PLATFORM, self._outlet)
        await self._conversations.chat.recover(PLATFORM, ACCOUNT)

    def stop_intake(self) -> None:
        self._conversations.listeners.close()

    async def _events(self, request: web.Request, values: Mapping[str, str]) -> web.StreamResponse:
        place = await self._conversations.place(values["id"])
        listeners, worker = self._conversations.listeners, self._conversations.chat.worker(place)
        with listeners.listen(place, is_busy=worker.busy) as listener:
            stream = EventStream(request, self._times.write)
            try:
                async with aclosing(with_pauses(listener.events(), self._times.ping)) as events:
                    async for event in events:
                        await (stream.tell(event.name, event.body) if event else stream.ping())
            except ClientLeft:
                pass
            return stream.response
