"""The `alterego` command: reads the settings, opens memory, engine and platforms, closes them in reverse."""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from bot import config
from bot.app import admin, doctor, host
from bot.app.admin import open_memory
from bot.app.arguments import argument_parser
from bot.chat.chat import Chat
from bot.chat.responder import PromptObserver
from bot.config import Config, LogSettings
from bot.engine.interface import Engine
from bot.errors import UserError
from bot.log import set_up_logging, settings_for_terminal
from bot.memory.store import Memory
from bot.message import Author, Place, check_text
from bot.persona.persona import Cast, Persona, load_cast
from bot.prompt.builder import Prompt, Tokenizer


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process with 0, 1 for a fault that doctor found, or 2 for bad input."""
    options = argument_parser(__doc__).parse_args(arguments)
    _set_up_log(options)
    try:
        code = _run(options)
    except UserError as error:
        print(f"alterego: {error}", file=sys.stderr)
        code = 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = 0
    except BrokenPipeError:  # the reader of the output has closed it
        os._exit(0)
    _exit(code)


def _set_up_log(options: argparse.Namespace) -> None:
    try:
        settings = config.load_config(options.config)
    except UserError:  # the command itself reports the error
        set_up_logging(settings_for_terminal(LogSettings()), (), sys.stderr)
    else:
        is_hosted = _has_platforms(options, settings)
        log_settings = settings.log if is_hosted else settings_for_terminal(settings.log)
        set_up_logging(log_settings, settings.tokens.values(), sys.stderr)


def _has_platforms(options: argparse.Namespace, settings: Config) -> bool:
    """Return True where platforms are hosted, False for the terminal: no token, or the `chat` command."""
    return options.command == "run" and bool(settings.tokens)


def _run(options: argparse.Namespace) -> int:
    if options.command in ("run", "chat"):
        return _serve_or_chat(options)
    if options.command == "doctor":
        return _doctor(options)
    print(asyncio.run(admin.ADMIN_COMMANDS[options.command](options)))
    return 0


def _exit(code: int) -> NoReturn:
    """End the process now, since everything is closed.

    Unloading torch would take a second, and abort while the engine's thread is still in a step.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _local_engine(settings: Config) -> Engine:
    from bot.engine.local.local_engine import LocalEngine  # loads torch: not for commands that need no model

    return LocalEngine(settings.model, settings.data)


def _serve_or_chat(options: argparse.Namespace) -> int:
    """Host the platforms that have a token; where none has, or for `chat`, open the terminal."""
    settings = config.load_config(options.config)
    cast = load_cast(settings.personas)
    if not _has_platforms(options, settings):
        return _chat(settings, cast, options)
    cast.chosen(settings.chat.persona)
    asyncio.run(host.serve(settings, cast, _local_engine, _prompt_observer(options.prompts)))
    return 0


def _chat(settings: Config, cast: Cast, options: argparse.Namespace) -> int:
    persona = cast.chosen(options.persona or settings.chat.persona)
    texts = [check_text(text, settings.chat.message_characters) for text in _messages_to_send(options.say)]
    asyncio.run(_chat_in_terminal(settings, cast, persona, texts, options))
    return 0


def _messages_to_send(given: list[str] | None) -> list[str]:
    """Return the messages of --say, else the lines of a piped standard input; none for a terminal."""
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
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"Standard input is not UTF-8 text ({error.reason}): save it as UTF-8.") from None


async def _chat_in_terminal(
    settings: Config, cast: Cast, persona: Persona, texts: list[str], options: argparse.Namespace
) -> None:
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    terminal = _terminal(settings, persona, texts, options.json)
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(open_memory(settings))
        engine = await stack.enter_async_context(_local_engine(settings))
        chat = Chat(
            memory,
            engine,
            cast,
            settings.chat,
            settings.model,
            observe_prompt=_prompt_observer(options.prompts),
        )
        await stack.enter_async_context(chat)
        for notice in (*memory.notices, *(f"{key} is left out: {why}." for key, why in cast.broken.items())):
            print(f"alterego: {notice}", file=sys.stderr)
        await terminal(chat, memory)
        if await memory.wants_backup():
            await memory.backup()


def _terminal(
    settings: Config, persona: Persona, texts: list[str], as_json: bool
) -> Callable[[Chat, Memory], Coroutine[None, None, None]]:
    """Return the function that runs the terminal with an open chat: given texts, else a session.

    The terminal is imported now, before the model's libraries compete for the interpreter: that halves the
    time to the first prompt.
    """
    author = Author("local", settings.terminal.name)
    if texts:
        from bot.platforms.terminal.batch import say

        return lambda chat, memory: say(
            chat, memory, persona, author, texts, out=sys.stdout, err=sys.stderr, as_json=as_json
        )
    from bot.platforms.terminal.repl import Repl

    return lambda chat, memory: Repl(chat, memory, author, settings.chat.message_characters).run(persona)


def _prompt_observer(path: Path | None) -> PromptObserver | None:
    if path is None:
        return None
    if not path.parent.is_dir() or path.is_dir():
        raise UserError(f"{path} cannot be written: name a file in a folder that is there.")

    def append_prompt(place: Place, prompt: Prompt, tokenizer: Tokenizer) -> None:
        line = {"place": str(place), "tokens": prompt.tokens(), "text": tokenizer.decode(list(prompt.ids))}
        private = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        with open(private, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    return append_prompt


def _doctor(options: argparse.Namespace) -> int:
    findings = asyncio.run(doctor.run_checks(options.config))
    for finding in findings:
        print(json.dumps(asdict(finding), ensure_ascii=False) if options.json else finding)
    return 0 if all(finding.right for finding in findings) else 1


if __name__ == "__main__":
    main()
