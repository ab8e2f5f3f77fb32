"""The command line: its commands, their options and their help."""

import argparse

from bot.command_parser import CommandParser
from bot.system.user_path import user_path

Commands = argparse._SubParsersAction  # argparse has no public name for the type of `add_subparsers`


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of the whole command line; its `command` is the command's name, "run" by default."""
    whole: argparse.ArgumentParser = CommandParser(prog="alterego", description=description)
    whole.add_argument("--config", type=user_path, help="the settings (default: ./config.toml)")
    whole.set_defaults(command="run", persona=None, say=None, prompts=None, json=False)
    commands = whole.add_subparsers(title="commands", metavar="COMMAND")
    _add_chat(commands)
    serve = commands.add_parser(
        "serve", help="open a page to talk on and an API as OpenAI's, beside the platforms that have a token"
    )
    serve.set_defaults(command="serve")
    doctor = commands.add_parser("doctor", help="check the installation and say how to mend what is wrong")
    doctor.add_argument("--json", action="store_true", help="a line of JSON for each finding")
    doctor.set_defaults(command="doctor")
    _add_persona(commands)
    _add_data(commands)
    _add_models(commands)
    return whole


def _add_chat(commands: "Commands[argparse.ArgumentParser]") -> None:
    chat = commands.add_parser("chat", help="talk with a persona in this terminal")
    chat.add_argument("--persona", metavar="NAME", help="whom to talk with")
    say = "say this, print the reply and leave; - reads it from standard input"
    chat.add_argument("--say", metavar="TEXT", action="append", help=say)
    prompts = "append every prompt, as the model reads it"
    chat.add_argument("--prompts", metavar="FILE", type=user_path, help=prompts)
    chat.add_argument("--json", action="store_true", help="with --say: a line of JSON for each reply")
    chat.set_defaults(command="chat")


def _add_persona(commands: "Commands[argparse.ArgumentParser]") -> None:
    persona = commands.add_parser("persona", help="show the personas, and make new ones")
    whats = persona.add_subparsers(required=True, metavar="WHAT")
    whats.add_parser("list", help="everybody there is").set_defaults(command="persona list")
    show = whats.add_parser("show", help="all that holds for a persona, and where each value comes from")
    show.add_argument("name", metavar="NAME", help="the persona")
    show.add_argument(
        "--place", metavar="PLACE", help="as it holds in this place, as `data status` prints it"
    )
    show.set_defaults(command="persona show")
    new = whats.add_parser("new", help="make a persona's folder, and say what to write where")
    new.add_argument("name", metavar="NAME", help="of the folder in personas/, and of the card")
    new.add_argument("--card", metavar="FILE", type=user_path, help="take this card, JSON or PNG")
    new.set_defaults(command="persona new")


def _add_data(commands: "Commands[argparse.ArgumentParser]") -> None:
    data = commands.add_parser("data", help="show, give out and erase what is remembered")
    whats = data.add_subparsers(required=True, metavar="WHAT")
    whats.add_parser("status", help="how much, and of which places").set_defaults(command="data status")
    export = whats.add_parser("export", help="print everything stored about a person, as JSON")
    export.set_defaults(command="data export")
    forget = whats.add_parser("forget", help="erase a person or a place, byte for byte, from backups too")
    forget.set_defaults(command="data forget")
    for command in (export, forget):
        who = command.add_mutually_exclusive_group(required=True)
        who.add_argument("--author", metavar="ID", help='a person\'s id; in the terminal it is "local"')
    who.add_argument("--place", metavar="PLACE", help="as `data status` prints it")


def _add_models(commands: "Commands[argparse.ArgumentParser]") -> None:
    usage = "alterego models [--json] [FOLDER ...]\n       alterego models use NAME"
    models = commands.add_parser("models", help="list base models on this machine, or take one", usage=usage)
    words = "search these folders in place of the usual ones; use NAME: write a model into config.toml"
    models.add_argument("words", nargs="*", metavar="FOLDER", help=words)
    models.add_argument("--json", action="store_true", help="a line of JSON for each model")
    models.set_defaults(command="models")
