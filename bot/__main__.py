"""The commands: reads the settings, opens memory, engine and platforms, and closes them in reverse."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

from bot import config, doctor, housekeeping
from bot.chat import Chat
from bot.config import Config
from bot.engine.engine import Engine
from bot.errors import UserError
from bot.housekeeping import open_memory
from bot.message import Author, Place, check
from bot.persona.persona import Cast, Persona, load_all
from bot.prompt import Prompt, Tokenizer
from bot.speaker import Watcher

OpenEngine = Callable[[Config], Engine]
Run = Callable[[argparse.Namespace, OpenEngine], int]


def main(arguments: Sequence[str] | None = None, open_engine: OpenEngine | None = None) -> None:
    """Run one command and end the process: 0 is done, 1 is "doctor found something", 2 is bad input."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        code = options.run(options, open_engine or _local_engine)
    except UserError as error:
        print(f"alterego: {error}", file=sys.stderr)
        code = 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = 0
    _leave(code)


def _leave(code: int) -> None:
    """End now: an engine's thread that is still in a step, or in an import, must not hold the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        os._exit(code)
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="alterego", description=__doc__)
    parser.add_argument("--config", type=Path, help="the settings (default: ./config.toml)")
    parser.set_defaults(run=_chat, persona=None, say=None, prompts=None, json=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    chat = commands.add_parser("chat", help="talk with a persona in this terminal")
    chat.add_argument("--persona", metavar="NAME", help="whom to talk with")
    chat.add_argument(
        "--say", metavar="TEXT", action="append", help="say this, print the reply and leave; - reads it"
    )
    chat.add_argument(
        "--prompts", metavar="FILE", type=Path, help="append every prompt, as the model reads it"
    )
    chat.add_argument("--json", action="store_true", help="with --say: a line of JSON for each reply")
    chat.set_defaults(run=_chat)

    check_up = commands.add_parser("doctor", help="say what is right, what is wrong and how to mend it")
    check_up.add_argument("--json", action="store_true", help="a line of JSON for each finding")
    check_up.set_defaults(run=_doctor)

    persona = commands.add_parser("persona", help="show the personas").add_subparsers(
        required=True, metavar="WHAT"
    )
    persona.add_parser("list", help="everybody there is").set_defaults(
        run=_printing(housekeeping.persona_list)
    )
    show = persona.add_parser("show", help="one persona's card and settings")
    show.add_argument("name", metavar="NAME")
    show.set_defaults(run=_printing(housekeeping.persona_show))

    data = commands.add_parser("data", help="what is remembered").add_subparsers(
        required=True, metavar="WHAT"
    )
    data.add_parser("status", help="how much, and of which places").set_defaults(
        run=_printing(housekeeping.data_status)
    )
    for name, run, text in (
        ("export", housekeeping.data_export, "print everything stored about a person, as JSON"),
        (
            "forget",
            housekeeping.data_forget,
            "erase a person or a place, to the last byte and from every backup",
        ),
    ):
        command = data.add_parser(name, help=text)
        who = command.add_mutually_exclusive_group(required=True)
        who.add_argument("--author", metavar="ID", help="a person's id; in the terminal, local")
        if name == "forget":
            who.add_argument("--place", metavar="PLACE", help="as `data status` prints it")
        command.set_defaults(run=_printing(run))
    return parser


def _local_engine(settings: Config) -> Engine:
    from bot.engine.thread import LocalEngine  # loads torch: not for commands that need no model

    return LocalEngine(settings.model, settings.data)


def _chat(options: argparse.Namespace, open_engine: OpenEngine) -> int:
    settings = config.load(options.config)
    cast = load_all(settings.personas)
    persona = cast.chosen(options.persona or settings.chat.persona)
    texts = [check(text, settings.chat.message_characters) for text in _texts(options.say)]
    asyncio.run(_converse(settings, cast, persona or _first(cast), texts, options, open_engine))
    return 0


def _first(cast: Cast) -> Persona:
    if not cast.personas:
        raise UserError("There is no working persona: `python -m bot doctor` says what is wrong.")
    return next(iter(cast.personas.values()))


def _texts(said: list[str] | None) -> list[str]:
    """What is to be said: from --say, or from standard input where nobody sits at it."""
    if said:
        return [sys.stdin.read() if text == "-" else text for text in said]
    if sys.stdin.isatty():
        return []
    lines = [line for line in sys.stdin.read().splitlines() if line.strip()]
    if not lines:
        raise UserError("There is nothing to say: write a line on standard input, or use --say TEXT.")
    return lines


async def _converse(
    settings: Config,
    cast: Cast,
    persona: Persona,
    texts: list[str],
    options: argparse.Namespace,
    open_engine: OpenEngine,
) -> None:
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    author = Author("local", settings.terminal.name)
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(open_memory(settings))
        engine = await stack.enter_async_context(open_engine(settings))
        chat = Chat(memory, engine, cast, settings.chat, settings.model, watch=_watcher(options.prompts))
        await stack.enter_async_context(chat)
        for notice in (*memory.notices, *(f"{key} is left out: {why}." for key, why in cast.broken.items())):
            print(f"alterego: {notice}", file=sys.stderr)
        if texts:
            from bot.platforms.script import say

            await say(chat, persona, author, texts, out=sys.stdout, err=sys.stderr, as_json=options.json)
        else:
            from bot.platforms.terminal import Terminal

            await Terminal(chat, author, settings.chat.message_characters).run(persona)
        if await memory.wants_backup():
            await memory.backup()


def _watcher(path: Path | None) -> Watcher | None:
    if path is None:
        return None

    def watch(place: Place, prompt: Prompt, tokenizer: Tokenizer) -> None:
        line = {"place": str(place), "tokens": prompt.tokens(), "text": tokenizer.decode(list(prompt.ids))}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    return watch


def _printing(text_of: Callable[[argparse.Namespace], Coroutine[None, None, str]]) -> Run:
    def run(options: argparse.Namespace, open_engine: OpenEngine) -> int:
        print(asyncio.run(text_of(options)))
        return 0

    return run


def _doctor(options: argparse.Namespace, open_engine: OpenEngine) -> int:
    findings = asyncio.run(doctor.examine(options.config))
    for finding in findings:
        print(json.dumps(asdict(finding), ensure_ascii=False) if options.json else finding)
    return 0 if all(finding.right for finding in findings) else 1


if __name__ == "__main__":
    main()
