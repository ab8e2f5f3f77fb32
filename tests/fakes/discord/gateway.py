"""The gateway: greets, identifies, resumes, and tells every session what it may know.

https://discord.com/developers/docs/events/gateway
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.discord import payload
from tests.fakes.discord.connection import Closed, Connection
from tests.fakes.discord.platform import Platform
from tests.fakes.discord.session import KNOWN, PRIVILEGED, Session
from tests.fakes.discord.spec import Spec
from tests.fakes.discord.world import Channel, Guild, Json, Member

HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, MEMBERS = 1, 2, 3, 4, 6, 8
_CHUNK = 1000


@dataclass(slots=True)
class Told:
    """An event as sent: the number of sessions, and the monotonic second."""

    event: str
    data: Json
    at: float
    sessions: int


@dataclass(slots=True)
class Knobs:
    """Settings for tests. `heartbeat` is in seconds; `privileged` has the intents that the portal grants."""

    heartbeat: float = 41.25
    acknowledge: bool = True
    compress: bool = True
    privileged: int = PRIVILEGED
    close_next: list[int] = field(default_factory=list)
    per_minute: int = 120
    servers: float = 0.0  # seconds from READY to the first guild


class Gateway:
    """`identifies` has the monotonic times of each IDENTIFY, `presences` the bot's own presences."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.knobs = Knobs()
        self.sessions: list[Session] = []
        self.connections: list[Connection] = []
        self.identifies: list[float] = []
        self.resumes: list[float] = []
        self.presences: list[Json] = []
        self.told: list[Told] = []
        self.platform: Platform
        self.spec: Spec | None = None
        self.token, self.address = "", ""
        self._changed = changed

    @property
    def open(self) -> list[Connection]:
        """The open connections, oldest first."""
        return [one for one in self.connections if one.close_code is None]

    def emit(self, event: str, data: Json, where: Channel | Guild | None) -> None:
        """Tell every session that asked for such events and may see `where`, connected or not."""
        if self.spec:
            self.spec.event(event, data)
        reached = 0
        if _visible(self.platform, event, where):
            for session in self.sessions:
                if session.wants(event, where):
                    session.tell(event, session.sees(event, where, data))
                    reached += 1
        self.told.append(Told(event, data, time.monotonic(), reached))
        self._changed()

    async def respond(self, http: web.Request) -> web.StreamResponse:
        wants_zlib = http.query.get("compress") == "zlib-stream"
        connection = Connection(http.path, compress=self.knobs.compress and wants_zlib)
        await connection.open(http)
        self.connections.append(connection)
        connection.push({"op": 10, "d": {"heartbeat_interval": int(self.knobs.heartbeat * 1000)}})
        if self.knobs.close_next:
            connection.close(self.knobs.close_next.pop(0))
        try:
            while (frame := await connection.receive()) is not None:
                self._take(connection, frame)
                self._changed()
        except Closed as closed:
            connection.close(closed.code, closed.reason)
            await connection.receive()
        await self._end(connection)
        return connection.socket

    async def _end(self, connection: Connection) -> None:
        """A client that leaves with 1000 or 1001 gives its session up."""
        by_client = connection.close_code is None
        await connection.end()
        session = connection.session
        if session and session.connection is connection:
            session.connection = None
            if by_client and connection.close_code in (1000, 1001) and session in self.sessions:
                self.sessions.remove(session)
        self._changed()

    def _take(self, connection: Connection, frame: Json) -> None:
        op = frame["op"]
        data: Json = frame.get("d") or {}
        recent = [one for one in connection.received if one[2] > time.monotonic() - 60]
        if len(recent) > self.knobs.per_minute:
            raise Closed(4008, "Rate limited.")
        if op == HEARTBEAT:
            if self.knobs.acknowledge:
                connection.push({"op": 11})
        elif op == IDENTIFY:
            self._identify(connection, data)
        elif op == RESUME:
            self._resume(connection, data)
        elif connection.session is None:
            raise Closed(4003, "Not authenticated.")
        elif op == PRESENCE:
            self.presences.append(data)
        elif op == MEMBERS:
            self._members(connection.session, data)
        elif op != VOICE:
            raise Closed(4001, "Unknown opcode.")

    def _identify(self, connection: Connection, data: Json) -> None:
        self.identifies.append(time.monotonic())
        if connection.session is not None:
            raise Closed(4005, "Already authenticated.")
        if data.get("token") != self.token:
            raise Closed(4004, "Authentication failed.")
        intents = data.get("intents")
        if not isinstance(intents, int) or intents & ~KNOWN:
            raise Closed(4013, "Invalid intent(s).")
        if intents & PRIVILEGED & ~self.knobs.privileged:
            raise Closed(4014, "Disallowed intent(s).")
        session = Session(intents, self.platform.bot.id, connection=connection)
        connection.session = session
        self.sessions.append(session)
        self._welcome(session, data)

    def _welcome(self, session: Session, data: Json) -> None:
        """READY, and a GUILD_CREATE for every guild that the bot is in."""
        me = self.platform.bot
        guilds = [guild for guild in self.platform.guilds.values() if me.id in guild.members]
        ready: Json = {
            "v": 10,
            "user": payload.own_user(me),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.address.replace("/gw", "/resume"),
            "application": {"id": str(me.id), "flags": 0},
            "private_channels": [],
        }
        session.tell("READY", ready | ({"shard": data["shard"]} if "shard" in data else {}))
        if self.knobs.servers:
            asyncio.get_running_loop().call_later(self.knobs.servers, self._arrive, session, guilds)
        else:
            self._arrive(session, guilds)

    def _arrive(self, session: Session, guilds: list[Guild]) -> None:
        for guild in guilds:
            if session.wants("GUILD_CREATE", guild):
                session.tell("GUILD_CREATE", self.arrival(session, guild))

    def arrival(self, session: Session, guild: Guild) -> Json:
        """GUILD_CREATE: all channels, the threads in sight; without presences only the bot's member."""
        me = guild.members[self.platform.bot.id]
        members = guild.members.values() if session.has("presences") else [me]
        seen = [
            one
            for one in guild.channels.values()
            if not one.is_thread or self.platform.may(me.user, one, "view_channel")
        ]
        data = payload.arrival(guild, me, members, seen)
        if self.spec:
            self.spec.event("GUILD_CREATE", data)
        return data

    def _resume(self, connection: Connection, data: Json) -> None:
        """Replay what the session missed; op 9 for a session that is not known."""
        self.resumes.append(time.monotonic())
        if data.get("token") != self.token:
            raise Closed(4004, "Authentication failed.")
        session = next((one for one in self.sessions if one.id == data.get("session_id")), None)
        if session is None:
            connection.push({"op": 9, "d": False})
            return
        sequence = data.get("seq") or 0
        if sequence > session.sequence:
            raise Closed(4007, "Invalid seq.")
        if session.connection is not None:
            session.connection.close(4000)
        session.connection, connection.session = None, session
        for number, _, frame in session.log:
            if number > sequence:
                connection.push(frame)
        session.connection = connection
        session.resumed += 1
        session.tell("RESUMED", {})

    def _members(self, session: Session, data: Json) -> None:
        """GUILD_MEMBERS_CHUNKs; the whole list only with the intent for it."""
        guild = self.platform.guilds[int(data["guild_id"])]
        found, missing = _asked(guild, data)
        if data.get("query") == "" and not data.get("limit") and not session.has("members"):
            raise Closed(4014, "Disallowed intent(s).")
        chunks = [found[start : start + _CHUNK] for start in range(0, len(found), _CHUNK)] or [[]]
        for index, chunk in enumerate(chunks):
            about = {"guild_id": str(guild.id), "chunk_index": index, "chunk_count": len(chunks)}
            about |= {"nonce": data["nonce"]} if "nonce" in data else {}
            session.tell("GUILD_MEMBERS_CHUNK", about | {"members": chunk, "not_found": missing})


def _asked(guild: Guild, data: Json) -> tuple[list[Json], list[str]]:
    """The members that a request is about, and the ids that are no members."""
    ids: Any = data.get("user_ids")
    if ids is not None:
        keys = [int(one) for one in (ids if isinstance(ids, list) else [ids])]
        found = [guild.members[key] for key in keys if key in guild.members]
        return [payload.member(one) for one in found], [str(key) for key in keys if key not in guild.members]
    start = str(data.get("query") or "").casefold()
    named = [
        one for one in guild.members.values() if (one.nick or one.user.name).casefold().startswith(start)
    ]
    return [payload.member(one) for one in named[: data.get("limit") or None]], []


def _name(member: Member) -> str:
    return (member.nick or member.user.name).casefold()


def _visible(platform: Platform, event: str, where: Channel | Guild | None) -> bool:
    """Does the bot stand where this happens?"""
    if isinstance(where, Guild):
        return platform.bot.id in where.members
    if where is None or event == "INTERACTION_CREATE":
        return True
    if event in ("CHANNEL_UPDATE", "CHANNEL_DELETE", "THREAD_DELETE") and where.guild:
        return platform.bot.id in where.guild.members
    return platform.may(platform.bot, where, "view_channel")
