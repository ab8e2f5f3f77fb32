"""The `alterego` command: hosts personas on Discord and Telegram, or opens a chat in this terminal."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import NoReturn

from bot import config
from bot.app import admin, doctor, host, models
from bot.app.arguments import argument_parser
from bot.app.persona_commands import list_personas
from bot.app.serve import prepare_api, serve_without_platforms
from bot.app.terminal_chat import chat_in_terminal, messages_to_send, prompt_observer
from bot.config import Config, LogSettings
from bot.engine.interface import Engine
from bot.errors import EXIT_RESTART, RestartNeeded, UserError
from bot.log import set_up_logging, settings_for_terminal
from bot.persona.persona import Cast, load_cast
from bot.system.console import json_text, prepare_output, write_line


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and end the process with an exit code.

    0: done. 1: doctor found a fault, or a listed persona is broken. 2: bad input. `EXIT_RESTART`: a new
    process may go on.
    """
    prepare_output()
    options = argument_parser(__doc__).parse_args(arguments)
    _set_up_log(options)
    try:
        code = _run(options)
    except UserError as error:
        write_line(f"alterego: {error}", sys.stderr)
        code = EXIT_RESTART if isinstance(error, RestartNeeded) else 2
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
        set_up_logging(log_settings, settings.secrets, sys.stderr)


def _has_platforms(options: argparse.Namespace, settings: Config) -> bool:
    """Return True where platforms or the API are hosted, False for the terminal."""
    return options.command == "serve" or (
        options.command == "run" and (bool(settings.tokens) or settings.serve.enabled)
    )


def _run(options: argparse.Namespace) -> int:
    if options.command in ("run", "chat", "serve"):
        return _serve_or_chat(options)
    if options.command == "doctor":
        return _doctor(options)
    if options.command == "persona list":
        text, is_whole = asyncio.run(list_personas(options))
        write_line(text)
        return 0 if is_whole else 1
    command = models.models if options.command == "models" else admin.ADMIN_COMMANDS[options.command]
    write_line(asyncio.run(command(options)))
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
    """Host the platforms that have a token, and the API; without these, or for `chat`, open the terminal."""
    settings = config.load_config(options.config)
    cast = load_cast(settings.personas)
    if not _has_platforms(options, settings):
        return _chat(settings, cast, options)
    has_api = options.command == "serve" or settings.serve.enabled
    open_api = prepare_api(settings) if has_api else None
    if open_api and not settings.tokens:
        asyncio.run(serve_without_platforms(settings, cast, _local_engine, open_api))
        return 0
    cast.chosen(settings.chat.persona)
    observer = prompt_observer(options.prompts, settings.data)
    asyncio.run(host.serve(settings, cast, _local_engine, observer, open_api))
    return 0


def _chat(settings: Config, cast: Cast, options: argparse.Namespace) -> int:
    persona = cast.chosen(options.persona or settings.chat.persona)
    texts = messages_to_send(options.say, settings.chat.message_characters)
    asyncio.run(chat_in_terminal(settings, cast, persona, texts, _local_engine, options))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    findings = asyncio.run(doctor.run_checks(options.config))
    for finding in findings:
        write_line(json_text(asdict(finding)) if options.json else str(finding))
    return 0 if all(finding.right for finding in findings) else 1


if __name__ == "__main__":
    main()
