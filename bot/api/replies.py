"""Events of an answer as a response: as a whole, or as a stream."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress

from aiohttp import web

from bot.api.answers import AnswerShape, Body, Choice, gather, whole_body
from bot.api.errors import json_dumps
from bot.api.event_stream import ClientLeft, EventStream, StreamTimes, with_pauses
from bot.api.generation import Delta, Event, Usage
from bot.api.outcome import Outcome

_NOTHING = Usage(0, 0, 0)


async def send_whole(events: AsyncGenerator[Event, None], shape: AnswerShape, count: int) -> web.Response:
    """Return the response of `count` whole choices."""
    choices, usage = [Choice() for _ in range(count)], _NOTHING
    async with aclosing(events):
        async for event in events:
            gather(choices, event)
            if not isinstance(event, Delta):
                usage += event.usage
    return web.json_response(whole_body(shape, choices, usage), dumps=json_dumps)


class StreamedReply:
    """A response of chunks. `include_usage`: a last chunk has the numbers of tokens."""

    def __init__(
        self, request: web.Request, shape: AnswerShape, count: int, times: StreamTimes, *, include_usage: bool
    ) -> None:
        self._stream, self._shape, self._count = EventStream(request, times.write), shape, count
        self._ping_seconds, self._include_usage = times.ping, include_usage
        self._is_opened, self._usage = False, _NOTHING

    async def send(self, events: AsyncGenerator[Event, None], outcome: Outcome) -> web.StreamResponse:
        """Send the events, and return the response.

        An error before the first one is raised; a later one is sent in the stream. `outcome` notes the later
        one, and a client that is gone.
        """
        try:
            await self._send_all(events)
        except ClientLeft:
            outcome.leave()
        except Exception as error:
            if not self._stream.response.prepared:
                raise
            with suppress(ClientLeft):
                await self._stream.fail(outcome.fail(error))
        return self._stream.response

    async def _send_all(self, events: AsyncGenerator[Event, None]) -> None:
        async with aclosing(with_pauses(events, self._ping_seconds)) as paused:
            async for event in paused:
                if event is None:
                    await self._stream.ping()
                else:
                    await self._send(event)
        await self._send_usage()
        await self._stream.end()

    async def _send(self, event: Event) -> None:
        if not self._is_opened:
            self._is_opened = True
            for index in range(self._count):
                if opening := self._shape.opening(index):
                    await self._send_choices([opening])
        if isinstance(event, Delta):
            await self._send_choices([self._shape.delta(event)])
            return
        self._usage += event.usage
        for index, reason in enumerate(event.reasons, event.first):
            await self._send_choices([self._shape.ending(index, reason)])

    async def _send_choices(self, choices: Sequence[Body]) -> None:
        usage: Body = {"usage": None} if self._include_usage else {}
        await self._stream.send({**self._shape.envelope(choices, chunk=True), **usage})

    async def _send_usage(self) -> None:
        if self._include_usage:
            body = self._shape.envelope((), chunk=True)
            await self._stream.send({**body, "usage": self._usage.body()})
