"""The prompt of a persona's next reply, part by part, with its tokens; nobody is answered."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from aiohttp import web

from bot.api.body import read_body
from bot.chat.chat import Chat
from bot.memory.store import Memory
from bot.message import Author, Message, Place, check_text
from bot.persona.persona import Persona, assemble_persona, card_path
from bot.persona.persona_files import read_card_file
from bot.platforms.web.owner.card_edit import change_card
from bot.platforms.web.owner.persona_fields import PreviewFields, SaidFields, card_changes, key_changes
from bot.platforms.web.owner.persona_store import changed_keys
from bot.platforms.web.owner.personas import PersonaFolders
from bot.platforms.web.owner.replies import json_reply, stored_place
from bot.platforms.web.routes import RouteTable
from bot.prompt.builder import Prompt, Tokenizer

NOWHERE = Place("web", "owner", "preview")  # of messages that are stored nowhere


class PreviewPage:
    """The route of a prompt's preview."""

    def __init__(self, folders: PersonaFolders, memory: Memory) -> None:
        self._folders, self._chat, self._memory = folders, folders.chat, memory

    def add_routes(self, routes: RouteTable) -> None:
        routes.add("POST", "/page/owner/personas/{key}/preview", self._preview)

    async def _preview(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        fields = await read_body(request, PreviewFields.read)
        persona = await self._persona(values["key"], fields)
        place, history = NOWHERE, None
        if fields.place is not None:
            place = await stored_place(self._memory, fields.place)
        else:
            history = said_history(fields.history, persona, self._chat)
        prompt = await self._chat.preview_prompt(place, persona, history)
        tokenizer = await self._chat.engine.tokenizer()
        parts = await asyncio.to_thread(lambda: [*prompt_parts(prompt, tokenizer)])
        return json_reply(
            {
                "parts": parts,
                "tokens": len(prompt.ids),
                "shared": prompt.shared,
                "by_kind": prompt.tokens(),
                "context": self._chat.engine.status().context,
                "answer": persona.sampling.max_tokens,
                "dropped": prompt.first is not None,
            }
        )

    async def _persona(self, key: str, fields: PreviewFields) -> Persona:
        """Return the persona, with changes that are not saved."""
        persona, folder = self._folders.persona(key), self._folders.folder(key)
        if not (fields.card or fields.keys):
            return persona

        def changed() -> Persona:
            _, keys = changed_keys(folder, key_changes(fields.keys))
            path = card_path(folder, keys)
            if not fields.card:
                return assemble_persona(folder, keys, read_card_file(path))
            return assemble_persona(
                folder, keys, change_card(path.read_bytes(), card_changes(fields.card))[1]
            )

        return await asyncio.to_thread(changed)


def said_history(said: Sequence[SaidFields], persona: Persona, chat: Chat) -> tuple[Message, ...]:
    """Return messages of a preview as memory holds them. Raises `UserError` for one that it would not."""
    longest, now = chat.settings.message_characters, chat.clock()
    return tuple(
        Message(
            NOWHERE,
            str(number),
            _author(each.author.strip(), persona),
            check_text(each.text, longest),
            now,
            address="direct" if each.author.strip() else "",
            persona=None if each.author.strip() else persona.key,
        )
        for number, each in enumerate(said, 1)
    )


def _author(name: str, persona: Persona) -> Author:
    if name:
        return Author(name.casefold(), name)
    return Author(f"persona:{persona.key}", persona.name, is_bot=True)  # as stored answers have it


def prompt_parts(prompt: Prompt, tokenizer: Tokenizer) -> Iterator[dict[str, object]]:
    """Yield each part of a prompt with its tokens, and its text in runs of control tokens and of others."""
    for span in prompt.spans:
        ids = prompt.ids[span.start : span.end]
        runs = groupby(ids, tokenizer.control.__contains__)
        yield {
            "kind": span.kind,
            "source": span.source,
            "tokens": len(ids),
            "runs": [
                {"control": is_control, "text": tokenizer.spell(tuple(run))} for is_control, run in runs
            ],
        }
