"""The overview: the engine's numbers, the platforms' health, and what waits in memory."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict

from aiohttp import web

from bot.chat.chat import Chat
from bot.engine.interface import Status
from bot.errors import UserError
from bot.memory.queries.records import MemoryStatus, Waiting
from bot.memory.store import Memory
from bot.platforms.web.owner.loop_watch import LoopWatch
from bot.platforms.web.owner.replies import json_reply
from bot.platforms.web.routes import RouteTable

COUNT_SECONDS = 10.0  # until memory is counted again, which reads all of its messages


class Overview:
    """Numbers of this moment; the page asks for them every second. `clock` gives seconds."""

    def __init__(self, chat: Chat, memory: Memory, clock: Callable[[], float] = time.monotonic) -> None:
        self._chat, self._memory, self._clock, self._loop = chat, memory, clock, LoopWatch()
        self._counts: MemoryStatus | None = None
        self._due = clock()

    def add_routes(self, routes: RouteTable) -> None:
        routes.add("GET", "/page/owner/overview", self._overview)

    async def open(self) -> None:
        self._loop.begin()

    def stop_intake(self) -> None:
        self._loop.end()

    async def _overview(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        chat = self._chat
        waiting, counts = await self._read_waiting(), await self._read_counts()
        workers = [worker for worker in chat.workers() if worker.busy]
        return json_reply(
            {
                "engine": engine_numbers(chat.engine.status()),
                "platforms": [{"name": name, "health": health()} for name, health in chat.health.items()],
                "busy": len(workers),
                "pending": sum(worker.waiting for worker in workers),
                "waiting": waiting and asdict(waiting),
                "memory": counts and {**asdict(counts), "inbox": dict(counts.inbox)},
                "notes": chat.adapter_notes(),
                "lag": {"latest": self._loop.latest, "worst": self._loop.worst},
            }
        )

    async def _read_waiting(self) -> Waiting | None:
        try:
            return await self._memory.waiting()
        except UserError:
            return None  # memory logs its own errors

    async def _read_counts(self) -> MemoryStatus | None:
        """Return the counts of memory, read seldom; None where memory refuses."""
        if self._clock() >= self._due:
            self._due = self._clock() + COUNT_SECONDS
            try:
                self._counts = await self._memory.status()
            except UserError:
                self._counts = None
        return self._counts


def engine_numbers(status: Status) -> dict[str, object]:
    """Return the engine's state as JSON has it."""
    p50, p95 = status.first_token
    numbers = asdict(status)
    return {**numbers, "first_token": {"p50": p50, "p95": p95}, "memory": dict(status.memory)}
