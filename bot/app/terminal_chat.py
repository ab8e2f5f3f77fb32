"""The `chat` command: a conversation in this terminal, or given messages and their replies for scripts."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path

from bot.app.admin import open_memory, startup_notices
from bot.app.prompt_files import append_prompt
from bot.chat.chat import Chat
from bot.chat.responder import PromptObserver
from bot.config import Config
from bot.engine.interface import Engine
from bot.errors import UserError
from bot.memory.store import Memory
from bot.message import Author, Place, check_text
from bot.persona.persona import Cast, Persona
from bot.prompt.builder import Prompt, Tokenizer
from bot.system.console import write_line
from bot.system.signals import end_signals, set_loop_signal_handlers

_UTF8_REMEDY = (
    "run `$OutputEncoding = [Text.UTF8Encoding]::new()` in PowerShell, or `chcp 65001` in cmd, first"
    if sys.platform == "win32"
    else "save it as UTF-8"
)


async def chat_in_terminal(
    settings: Config,
    cast: Cast,
    persona: Persona,
    texts: list[str],
    open_engine: Callable[[Config], Engine],
    options: argparse.Namespace,
) -> None:
    """Send the texts to a persona and print its replies; without texts, hold a session with a person."""
    task = asyncio.current_task()
    assert task
    set_loop_signal_handlers(end_signals(), task.cancel)
    terminal = _terminal(settings, persona, texts, options.json)
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(open_memory(settings))
        engine = await stack.enter_async_context(open_engine(settings))
        observer = prompt_observer(options.prompts, settings.data)
        chat = Chat(
            memory,
            engine,
            cast,
            settings.chat,
            settings.model,
            observe_prompt=observer,
            tell_owner=_tell_owner,
        )
        await stack.enter_async_context(chat)
        asked = persona.key if options.persona else None
        for notice in await startup_notices(memory, cast, settings, asked):
            _tell_owner(notice)
        await _run_until_lost(terminal(chat, memory), engine)
        if await memory.wants_backup():
            await memory.backup()


def _tell_owner(notice: str) -> None:
    write_line(f"alterego: {notice}", sys.stderr)


async def _run_until_lost(session: Coroutine[None, None, None], engine: Engine) -> None:
    """Run a session in the terminal; raises `RestartNeeded` as soon as the engine cannot go on."""
    running = asyncio.create_task(session)
    watching = asyncio.create_task(_watch(engine))
    try:
        done, _ = await asyncio.wait((running, watching), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        await running
    finally:
        for task in (running, watching):
            task.cancel()
        await asyncio.gather(running, watching, return_exceptions=True)


async def _watch(engine: Engine) -> None:
    """Raise `RestartNeeded` when the engine cannot go on; other errors are told by the session."""
    try:
        await engine.ready()
    except UserError:
        return
    await engine.lost()


def messages_to_send(given: list[str] | None, most: int) -> list[str]:
    """Return the messages of --say, else the lines of a piped standard input; none for a terminal.

    Raises `UserError` for a message of more than `most` characters, and for text that cannot be sent.
    """
    return [check_text(text, most) for text in _texts(given)]


def _texts(given: list[str] | None) -> list[str]:
    if given:
        return [_standard_input() if text == "-" else text for text in given]
    if sys.stdin.isatty():
        return []
    lines = [line for line in _standard_input().splitlines() if line.strip()]
    if not lines:
        raise UserError("There is nothing to say: write a line on standard input, or use --say TEXT.")
    return lines


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")  # PowerShell begins with a byte order mark
    except UnicodeDecodeError as error:
        raise UserError(f"Standard input is not UTF-8 text ({error.reason}): {_UTF8_REMEDY}.") from None


def _terminal(
    settings: Config, persona: Persona, texts: list[str], as_json: bool
) -> Callable[[Chat, Memory], Coroutine[None, None, None]]:
    """Return the function that runs the terminal with an open chat: given texts, else a session.

    The terminal is imported now, before the model's libraries compete for the interpreter: that halves the
    time to the first prompt.
    """
    author = Author("local", settings.terminal.name)
    if texts:
        from bot.platforms.terminal.batch import run_batch

        return lambda chat, memory: run_batch(
            chat, memory, persona, author, texts, out=sys.stdout, err=sys.stderr, as_json=as_json
        )
    from bot.platforms.terminal.repl import Repl

    return lambda chat, memory: Repl(chat, memory, author, settings.chat.message_characters).run(persona)


def prompt_observer(path: Path | None, data: Path) -> PromptObserver | None:
    """Return a function that appends every prompt to a private file, as a line of JSON; None for no path.

    Raises `UserError` for a path that cannot be a file.
    """
    if path is None:
        return None
    if not path.parent.is_dir() or path.is_dir():
        raise UserError(f"{path} cannot be written: name a file in a folder that is there.")

    def observe(place: Place, prompt: Prompt, tokenizer: Tokenizer) -> None:
        line = {"place": str(place), "tokens": prompt.tokens(), "text": tokenizer.spell(prompt.ids)}
        append_prompt(data, path, json.dumps(line, ensure_ascii=False).encode("utf-8") + b"\n")

    return observe
