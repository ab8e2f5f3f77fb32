"""The interactive terminal: one person, a conversation with each persona, kept from run to run."""

import asyncio
import signal
from typing import TypeVar

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.history import InMemoryHistory

from bot.chat.chat import Chat
from bot.chat.commands import Level, find_persona, is_reload, parse_line, run_line
from bot.chat.proactive import greet
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Author, Place, check_text
from bot.persona.persona import Persona
from bot.platforms.cancellation import run_until
from bot.platforms.terminal.screen import Screen
from bot.platforms.terminal.typed import ACCOUNT, PLATFORM, typed_message
from bot.system.signals import set_loop_signal_handlers

T = TypeVar("T")


class Repl:
    """The loop that reads lines, passes messages to the chat and runs commands."""

    def __init__(self, chat: Chat, memory: Memory, author: Author, limit: int) -> None:
        self._chat, self._memory, self._author, self._limit = chat, memory, author, limit
        self._screen = Screen(lambda: chat.engine.status().stage)
        self._session: PromptSession[str] = PromptSession(history=InMemoryHistory())
        self._place = Place(PLATFORM, ACCOUNT, "")
        self._was_interrupted = False  # the last input was Ctrl-C
        self._left = asyncio.Event()
        chat.join(PLATFORM, self._screen)

    async def run(self, persona: Persona) -> None:
        """Read and handle lines until the person leaves."""
        set_loop_signal_handlers([signal.SIGINT], self._interrupt)
        self._screen.note("/help lists the commands, Ctrl-C stops an answer, Ctrl-D leaves.")
        await self._open_conversation(persona)
        await self._chat.recover(PLATFORM, ACCOUNT)
        await self._wait_idle()
        while (text := await self._read_line()) is not None:
            if text.casefold() in ("/quit", "/exit"):
                return
            if text:
                await self._handle_line(text)

    async def _read_line(self) -> str | None:
        """Return the next line; None to leave. Ctrl-C is a key while a line is read, and no signal."""
        name = HTML("<b><ansicyan>{}</ansicyan></b> ").format(self._author.name)
        try:
            line = await self._session.prompt_async(name, pre_run=self._end_prompt, handle_sigint=False)
        except EOFError:
            return None
        except KeyboardInterrupt:
            self._interrupt()
            self._screen.note("" if self._left.is_set() else "Ctrl-C once more leaves.")
            return None if self._left.is_set() else ""
        self._was_interrupted = False
        return line.strip()

    def _end_prompt(self) -> None:
        """End an open prompt if the person has left; the signal may come before the prompt opens."""
        future = self._session.app.future
        if self._left.is_set() and future and not future.done():
            self._session.app.exit(exception=EOFError())

    def _interrupt(self) -> None:
        """Handle Ctrl-C: stop the answer under way; leave at the second Ctrl-C in a row."""
        if self._was_interrupted and not self._left.is_set():
            self._left.set()
            self._end_prompt()
        self._was_interrupted = True
        for worker in self._chat.workers():
            worker.stop()

    async def _handle_line(self, text: str) -> None:
        try:
            if text.startswith("/"):
                await self._run_command(text)
            else:
                message = typed_message(check_text(text, self._limit), self._place, self._author)
                await self._chat.receive(message)
                await self._wait_idle()
        except UserError as error:
            self._screen.note(str(error), style="yellow")

    async def _run_command(self, text: str) -> None:
        name, options = parse_line(text)
        chosen = options.get("name", "")
        if name.casefold() == "persona" and chosen and not is_reload(chosen):
            await self._open_conversation(find_persona(self._chat.cast, chosen))
            return
        place, tell = self._place, self._screen.note
        line = run_line(text, self._chat, self._memory, place, self._author, Level.OWNER, tell)
        answer = await run_until(self._left, line)
        self._screen.note(answer or "")
        if name.casefold() == "help":
            self._screen.note(f"{'/quit':<32} leave")

    async def _open_conversation(self, persona: Persona) -> None:
        """Open the conversation with a persona, who greets in an empty conversation."""
        self._place = Place(PLATFORM, ACCOUNT, persona.key)
        await self._memory.set_setting(str(self._place), "persona", persona.key)
        await greet(self._chat, self._memory, self._place, self._author)

    async def _wait_idle(self) -> None:
        """Wait until no persona answers; after a restart, personas of other conversations may answer too."""
        for worker in self._chat.workers():
            await run_until(self._left, worker.idle())
