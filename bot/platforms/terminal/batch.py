"""The terminal without a person: given messages in, replies out, for scripts and pipes."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TextIO

from bot.chat.chat import Chat
from bot.chat.proactive import greet
from bot.errors import UserError
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Author, Place
from bot.persona.persona import Persona
from bot.platforms.terminal.repl import ACCOUNT, PLATFORM, message_of
from bot.platforms.terminal.screen import Printed


class BatchScreen(Printed):
    """An outlet that writes whole replies, a block of lines each; notices become errors.

    What is said in another place than `place`, or before `live`, was asked for by an earlier run: it goes to
    `err`.
    """

    def __init__(self, place: Place, out: TextIO, err: TextIO, as_json: bool) -> None:
        self._place, self._out, self._err, self._as_json = place, out, err, as_json
        self.live = False
        self.failure: str | None = None

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        yield

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> None:
        """Nothing is written before it is whole."""

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        own = self.live and outgoing.place == self._place
        if persona is not None:
            self._write(self._out if own else self._err, persona, outgoing.text)
        if own:
            self.failure = outgoing.text if persona is None else None
        return None

    def _write(self, out: TextIO, persona: Persona, text: str) -> None:
        reply = {"persona": persona.key, "text": text}
        out.write(json.dumps(reply, ensure_ascii=False) + "\n" if self._as_json else f"{text}\n\n")
        out.flush()


async def say(
    chat: Chat,
    memory: Memory,
    persona: Persona,
    author: Author,
    texts: Sequence[str],
    *,
    out: TextIO,
    err: TextIO,
    as_json: bool = False,
) -> None:
    """Say each text to a persona and write its reply. Raises `UserError` for the first that gets none.

    The greeting, and replies that an earlier run made and could not write, go to `err`. What it left
    unanswered is answered together with the first text.
    """
    place = Place(PLATFORM, ACCOUNT, persona.key)
    page = BatchScreen(place, out, err, as_json)
    chat.join(PLATFORM, page)
    await chat.engine.ready()
    await memory.set_setting(str(place), "persona", persona.key)
    await greet(chat, memory, place, author.name)
    await chat.recover(PLATFORM, ACCOUNT)
    await asyncio.gather(*(room.wait_sent() for room in chat.workers()))
    page.live = True
    for text in texts:
        page.failure = None
        await chat.receive(message_of(text, place, author))
        await chat.worker(place).idle()
        if page.failure:
            raise UserError(page.failure)
