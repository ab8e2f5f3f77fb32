"""Personas: listed, made, and edited in their files, then read again."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web

from bot.api.body import read_body
from bot.api.errors import ApiError
from bot.chat.chat import Chat
from bot.config import Config
from bot.persona import new_folder
from bot.persona.persona import Persona, read_persona_file
from bot.platforms.web.owner.card_edit import shown_card
from bot.platforms.web.owner.persona_fields import CardEdit, KeysEdit, NewPersona
from bot.platforms.web.owner.persona_keys import key_fields
from bot.platforms.web.owner.persona_store import (
    PICTURE_BYTES,
    card_file,
    folder_revision,
    save_card,
    save_keys,
    save_picture,
)
from bot.platforms.web.owner.replies import json_reply
from bot.platforms.web.owner.upload import BINARY, read_upload
from bot.platforms.web.routes import RouteTable


class PersonaFolders:
    """The folders of the personas that a chat has, by key; whoever changes one takes turns."""

    def __init__(self, chat: Chat, settings: Config) -> None:
        self.chat, self.home = chat, settings.personas
        self.lock = asyncio.Lock()

    def persona(self, key: str) -> Persona:
        """Return a persona. Raises `ApiError` where there is none of that key."""
        if persona := self.chat.cast.personas.get(key):
            return persona
        broken = self.chat.cast.broken.get(key)
        message = f"The persona is broken: {broken}." if broken else "There is no such persona."
        raise ApiError(404, message, "key", "unknown_persona")

    def folder(self, key: str) -> Path:
        """Return the folder of a persona. Raises `ApiError` where there is none of that key."""
        return self.home / self.persona(key).key


class PersonasPage:
    """Routes of personas."""

    def __init__(self, folders: PersonaFolders) -> None:
        self._folders, self._chat = folders, folders.chat

    def add_routes(self, routes: RouteTable) -> None:
        routes.add("GET", "/page/owner/personas", self._list)
        routes.add("POST", "/page/owner/personas", self._make)
        routes.add("POST", "/page/owner/reload", self._reload)
        routes.add("GET", "/page/owner/personas/{key}", self._show)
        routes.add("PUT", "/page/owner/personas/{key}/card", self._save_card)
        routes.add("PUT", "/page/owner/personas/{key}/keys", self._save_keys)
        routes.add("PUT", "/page/owner/personas/{key}/picture", self._save_picture, takes=BINARY)

    async def _list(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        return json_reply(self._all())

    def _all(self) -> dict[str, object]:
        cast = self._chat.cast
        broken = [
            {"key": key, "fault": fault} for key, fault in cast.broken.items() if key not in cast.personas
        ]
        return {"personas": [self._summary(each) for each in cast.personas.values()], "broken": broken}

    def _summary(self, persona: Persona) -> dict[str, object]:
        return {
            "key": persona.key,
            "name": persona.name,
            "picture": f"/page/pictures/{persona.key}" if persona.avatar else None,
            "adapters": len(persona.adapters),
            "note": self._chat.adapter_note(persona),
            "warning": persona.warning,
            "fault": self._chat.cast.broken.get(persona.key, ""),
        }

    async def _show(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        return json_reply(await self._details(values["key"]))

    async def _details(self, key: str) -> dict[str, object]:
        persona, folder = self._folders.persona(key), self._folders.folder(key)
        keys, revision, file = await asyncio.to_thread(
            lambda: (read_persona_file(folder), folder_revision(folder), card_file(folder).name)
        )
        return {
            **self._summary(persona),
            "revision": revision,
            "card": shown_card(persona.card),
            "card_file": file,
            "unused": persona.card.unused,
            "keys": key_fields(keys),
        }

    async def _make(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        """Make a persona as `persona new` does, and read all again."""
        fields = await read_body(request, NewPersona.read)
        async with self._folders.lock:
            await asyncio.to_thread(self._make_folder, fields)
            await self._chat.reload_personas("")
        return json_reply(await self._details(fields.key))

    def _make_folder(self, fields: NewPersona) -> None:
        home = self._folders.home
        new_folder.check_key(home, fields.key)
        new_folder.check_free(new_folder.cast_of(home), fields.key)
        texts = {"description": fields.description, "first_mes": fields.first_mes}
        new_folder.make_persona(home, fields.key, new_folder.write_card(fields.name or fields.key, texts))

    async def _reload(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        result = await self._chat.reload_personas("")
        return json_reply({"refused": result.refused, **self._all()})

    async def _save_card(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        edit = await read_body(request, CardEdit.read)
        folder = self._folders.folder(values["key"])
        return await self._saved(values["key"], lambda: save_card(folder, edit.revision, edit.changes))

    async def _save_keys(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        edit = await read_body(request, KeysEdit.read)
        folder = self._folders.folder(values["key"])
        return await self._saved(values["key"], lambda: save_keys(folder, edit.revision, edit.keys))

    async def _save_picture(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        folder = self._folders.folder(values["key"])
        content = await read_upload(request, PICTURE_BYTES)
        return await self._saved(values["key"], lambda: save_picture(folder, content))

    async def _saved(self, key: str, save: Callable[[], None]) -> web.Response:
        """Save a change, and let the persona speak as its files say now; `refused` says why it does not."""
        async with self._folders.lock:
            await asyncio.to_thread(save)
            result = await self._chat.reload_personas("")
        return json_reply({**await self._details(key), "refused": result.refused.get(key, "")})
