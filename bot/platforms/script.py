"""The terminal without a person: given messages in, replies out, for scripts and pipes."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TextIO

from bot.chat import Chat
from bot.errors import UserError
from bot.memory.records import Outgoing
from bot.message import Author, Place
from bot.persona.persona import Persona
from bot.platforms.terminal import ACCOUNT, PLATFORM, message_of


class Page:
    """An outlet that writes whole replies, a block of lines each; notices become errors."""

    limit = None

    def __init__(self, out: TextIO, as_json: bool) -> None:
        self.out, self._as_json = out, as_json
        self.failure: str | None = None

    def measure(self, text: str) -> int:
        return len(text)

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        yield

    async def show(self, place: Place, persona: Persona, text: str) -> None:
        """Nothing is written before it is whole."""

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        if persona is None:
            self.failure = outgoing.text
            return None
        reply = {"persona": persona.key, "text": outgoing.text}
        self.out.write(json.dumps(reply, ensure_ascii=False) if self._as_json else outgoing.text)
        self.out.write("\n" if self._as_json else "\n\n")
        self.out.flush()
        self.failure = None
        return None


async def say(
    chat: Chat,
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
    place, page = Place(PLATFORM, ACCOUNT, persona.key), Page(err, as_json)
    chat.join(PLATFORM, page)
    await chat.engine.ready()
    await chat.memory.set_setting(str(place), "persona", persona.key)
    await chat.greet(place, author.name)
    await chat.recover(PLATFORM, ACCOUNT)
    page.out = out
    for text in texts:
        page.failure = None
        await chat.receive(message_of(text, place, author))
        await chat.room(place).idle()
        if page.failure:
            raise UserError(page.failure)
