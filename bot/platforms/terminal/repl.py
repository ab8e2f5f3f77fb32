"""The terminal: one person, a conversation with each persona, kept from run to run."""

import asyncio
import signal
import time
from collections.abc import Coroutine
from typing import TypeVar
from uuid import uuid4

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.history import InMemoryHistory

from bot.chat.chat import Chat
from bot.chat.commands import RELOAD, Level
from bot.chat.commands import run_line as run_command
from bot.chat.proactive import greet
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Author, Message, Place, check_text
from bot.persona.persona import Persona
from bot.platforms.terminal.screen import Screen

PLATFORM, ACCOUNT = "terminal", "local"
T = TypeVar("T")


class Repl:
    """A person at the keyboard."""

    def __init__(self, chat: Chat, memory: Memory, author: Author, limit: int) -> None:
        self._chat, self._memory, self._author, self._limit = chat, memory, author, limit
        self._screen = Screen(lambda: chat.engine.status().stage)
        self._session: PromptSession[str] = PromptSession(history=InMemoryHistory())
        self._place = Place(PLATFORM, ACCOUNT, "")
        self._leaving = False  # one Ctrl-C came, and nothing since
        self._gone = asyncio.Event()
        chat.join(PLATFORM, self._screen)

    async def run(self, persona: Persona) -> None:
        """Talk until the person leaves."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
        self._screen.note("/help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves.")
        await self._open(persona)
        await self._chat.recover(PLATFORM, ACCOUNT)
        await self._listen()
        while (text := await self._ask()) is not None:
            if text.casefold() in ("/quit", "/exit"):
                return
            if text:
                await self._take(text)

    async def _ask(self) -> str | None:
        """The next line; None to leave. While a line is read, Ctrl-C is a key."""
        name = HTML("<b><ansicyan>{}</ansicyan></b> ").format(self._author.name)
        try:
            line = await self._session.prompt_async(name, pre_run=self._end_prompt, handle_sigint=False)
        except EOFError:
            return None
        except KeyboardInterrupt:
            self._interrupt()
            self._screen.note("" if self._gone.is_set() else "Ctrl-C once more leaves.")
            return None if self._gone.is_set() else ""
        self._leaving = False
        return line.strip()

    def _end_prompt(self) -> None:
        """Read no line any more, if the person has left; the signal may come before the prompt does."""
        future = self._session.app.future
        if self._gone.is_set() and future and not future.done():
            self._session.app.exit(exception=EOFError())

    async def _unless_gone(self, work: Coroutine[None, None, T]) -> T | None:
        """What the work gives, or None as soon as the person has left."""
        waits = [asyncio.create_task(work), asyncio.create_task(self._gone.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return waits[0].result() if waits[0].done() else None
        finally:
            for wait in waits:
                wait.cancel()

    def _interrupt(self) -> None:
        """Ctrl-C: stop the answer that is being made; once more, leave."""
        if self._leaving and not self._gone.is_set():
            self._gone.set()
            self._end_prompt()
        self._leaving = True
        for room in self._chat.workers():
            room.stop()

    async def _take(self, text: str) -> None:
        try:
            if text.startswith("/"):
                await self._command(text)
            else:
                message = message_of(check_text(text, self._limit), self._place, self._author)
                await self._chat.receive(message)
                await self._listen()
        except UserError as error:
            self._screen.note(str(error), style="yellow")

    async def _command(self, text: str) -> None:
        name, _, argument = text.removeprefix("/").partition(" ")
        if name.casefold() == "persona" and argument.strip().casefold() not in ("", RELOAD):
            await self._open(self._chat.cast.find(argument.strip()))
            return
        answer = await self._unless_gone(
            run_command(text, self._chat, self._memory, self._place, self._author.name, Level.OWNER)
        )
        self._screen.note(answer or "")
        if name.casefold() == "help":
            self._screen.note(f"{'/quit':<32} leave")

    async def _open(self, persona: Persona) -> None:
        """Go to the conversation with a persona, who greets where nothing has been said yet."""
        self._place = Place(PLATFORM, ACCOUNT, persona.key)
        await self._memory.set_setting(str(self._place), "persona", persona.key)
        await greet(self._chat, self._memory, self._place, self._author.name)

    async def _listen(self) -> None:
        """Wait until nobody speaks; after a restart, personas of other conversations may."""
        for room in self._chat.workers():
            await self._unless_gone(room.idle())


def message_of(text: str, place: Place, author: Author) -> Message:
    """A line typed just now."""
    return Message(place, uuid4().hex, author, text, time.time(), address="direct")
