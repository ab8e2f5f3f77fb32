"""The terminal without a person: given messages in, replies out, for scripts and pipes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TextIO

from bot.chat.chat import Chat
from bot.chat.proactive import greet
from bot.engine.interface import Engine
from bot.errors import UserError
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Author, Place
from bot.persona.persona import Persona
from bot.platforms.terminal.screen import PrintedOutlet
from bot.platforms.terminal.typed import ACCOUNT, PLATFORM, typed_message
from bot.system.console import json_text, write_line
from bot.system.progress_line import ProgressLine

_STAGE_INTERVAL = 0.25  # seconds between two looks at the stage of loading


class BatchScreen(PrintedOutlet):
    """An outlet that writes whole replies, a block of lines each; a notice becomes an error.

    A reply in another place than `place`, or before `is_live`, answers an earlier run's message: to `err`.
    """

    def __init__(self, place: Place, out: TextIO, err: TextIO, as_json: bool) -> None:
        self._place, self._out, self._err, self._as_json = place, out, err, as_json
        self.is_live = False
        self.failure: str | None = None

    @asynccontextmanager
    async def typing(self, place: Place, persona: Persona) -> AsyncIterator[None]:
        yield

    async def show(self, draft: Outgoing, persona: Persona, text: str) -> None:
        """Write nothing before the reply is whole."""

    async def send(self, outgoing: Outgoing, persona: Persona | None) -> str | None:
        is_own = self.is_live and outgoing.place == self._place
        if persona is not None:
            self._write(self._out if is_own else self._err, persona, outgoing.text)
        if is_own:
            self.failure = outgoing.text if persona is None else None
        return None

    def _write(self, out: TextIO, persona: Persona, text: str) -> None:
        reply = {"persona": persona.key, "text": text}
        write_line(json_text(reply) if self._as_json else f"{text}\n", out)
        out.flush()


async def run_batch(
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
    """Send each text to a persona and write its reply. Raises `UserError` for the first text without a reply.

    The greeting, and replies that an earlier run made and could not write, go to `err`. Messages that an
    earlier run left unanswered are answered together with the first text.
    """
    place = Place(PLATFORM, ACCOUNT, persona.key)
    screen = BatchScreen(place, out, err, as_json)
    chat.join(PLATFORM, screen)
    await _wait_ready(chat.engine, err)
    await memory.set_setting(str(place), "persona", persona.key)
    await greet(chat, memory, place, author)
    await chat.recover(PLATFORM, ACCOUNT)
    await asyncio.gather(*(worker.wait_sent() for worker in chat.workers()))
    screen.is_live = True
    for text in texts:
        screen.failure = None
        await chat.receive(typed_message(text, place, author))
        await chat.worker(place).idle()
        if screen.failure:
            raise UserError(screen.failure)


async def _wait_ready(engine: Engine, err: TextIO) -> None:
    """Wait for the model, and show the stage of its loading where `err` is a terminal."""
    with ProgressLine(err) as line:
        while True:
            line.show(engine.status().stage)
            with suppress(TimeoutError):
                async with asyncio.timeout(_STAGE_INTERVAL):
                    return await engine.ready()
