"""The state that the page begins with: the model, the personas with their pictures, and what can be set."""

import asyncio
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from bot.api.errors import ApiError, json_dumps
from bot.chat.chat import Chat
from bot.errors import UserError
from bot.persona.avatar import check_picture, picture_format
from bot.persona.persona import Persona
from bot.platforms.web.routes import RouteTable
from bot.platforms.web.sampling_fields import sampling_fields
from bot.platforms.web.sessions import Sessions

_LONGEST_DESCRIPTION = 300  # characters of a card's text beside a name
_PICTURE_POLICY = "default-src 'none'; sandbox"


class StatePage:
    """Routes of the page's beginning."""

    def __init__(self, chat: Chat, sessions: Sessions) -> None:
        self._chat, self._sessions = chat, sessions

    def add_routes(self, routes: RouteTable) -> None:
        routes.add("GET", "/page/state", self._state, is_open=True)
        routes.add("GET", "/page/pictures/{key}", self._picture)

    async def open(self) -> None:
        """Begin with nothing."""

    def stop_intake(self) -> None:
        """End nothing: no response here lasts."""

    async def _state(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Return the state; without a login that is needed, nothing but that."""
        needs_login, status = self._sessions.is_needed(request), self._chat.engine.status()
        model = {"state": status.state, "stage": status.stage, "name": status.model}
        personas = [] if needs_login else [*map(_persona, self._chat.cast.personas.values())]
        state = {
            "version": _version(),
            "login": needs_login,
            "model": {"state": "", "stage": "", "name": ""} if needs_login else model,
            "personas": personas,
            "message_characters": self._chat.settings.message_characters,
            "sampling": [] if needs_login else sampling_fields(),
        }
        return web.json_response(state, dumps=json_dumps)

    async def _picture(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Return a persona's picture, as the format that its first bytes are."""
        persona = self._chat.cast.personas.get(values["key"])
        if persona is None or persona.avatar is None:
            raise ApiError(404, "There is no such picture.", code="unknown_picture")
        content = await asyncio.to_thread(_read_picture, persona.avatar)
        kind = picture_format(content[:16])
        headers = {"Content-Type": f"image/{kind}", "Content-Security-Policy": _PICTURE_POLICY}
        headers["Cache-Control"] = "private, max-age=300"
        return web.Response(body=content, headers=headers)


def _read_picture(path: Path) -> bytes:
    """Return the content of a picture, which may have changed since its persona was read."""
    try:
        return check_picture(path).read_bytes()
    except (UserError, OSError):
        raise ApiError(404, "The picture cannot be read any more.", code="unknown_picture") from None


def _persona(persona: Persona) -> dict[str, object]:
    description = " ".join((persona.card.creator_notes or persona.card.description).split())
    return {
        "key": persona.key,
        "name": persona.name,
        "description": description[:_LONGEST_DESCRIPTION],
        "picture": f"/page/pictures/{quote(persona.key, safe='')}" if persona.avatar else None,
    }


def _version() -> str:
    try:
        return version("alterego")
    except PackageNotFoundError:
        return ""
