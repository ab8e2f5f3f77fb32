"""The commands, options and settings that there are, for tests of the documents that name them."""

import argparse
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from pydantic import BaseModel, ValidationError

from bot.app.arguments import argument_parser
from bot.chat.commands.table import COMMANDS
from bot.config import ConfigFile
from bot.persona.card import Card
from bot.persona.persona import PersonaFile
from bot.prompt.built_in_templates import BUILT_IN_TEMPLATES
from training.__main__ import _parser

Options = Mapping[str, frozenset[str]]  # the choices of each option; none where any value may stand
SLASH_COMMANDS = {f"/{command.name}" for command in COMMANDS}


def _walk(
    parser: argparse.ArgumentParser, path: tuple[str, ...], above: Options
) -> Iterator[tuple[tuple[str, ...], Options]]:
    own = {option: action for action in parser._actions for option in action.option_strings}
    own = {option: frozenset(map(str, action.choices or ())) for option, action in own.items()}
    yield path, {**above, **own}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield from _walk(command, (*path, name), {**above, **own})


# the options of each command, by its words: ("bot", "persona", "new")
OPTIONS = dict((*_walk(argument_parser(""), ("bot",), {}), *_walk(_parser(), ("training",), {})))
ALL_OPTIONS = {option for options in OPTIONS.values() for option in options}
TRAINING = {path[1] for path in OPTIONS if path[0] == "training" and len(path) > 1}
_MODELS: tuple[type[BaseModel], ...] = (
    *(type(section) for _, section in ConfigFile()),
    *(type(section) for _, section in PersonaFile() if isinstance(section, BaseModel)),
    PersonaFile,
)
SETTINGS = {key for model in (*_MODELS, Card) for key in model.model_fields}
SECTIONS = {*ConfigFile.model_fields, "sampling", "history", "training"}


def wrong_command(line: str) -> str:
    """Return what is wrong with a command line that begins with `bot` or `training`; empty if nothing is."""
    words = shlex.split(line)
    path = tuple(words[:1])
    while len(words) > len(path) and (*path, words[len(path)]) in OPTIONS:
        path = (*path, words[len(path)])
    rest = words[len(path) :]
    has_commands = any(known[: len(path)] == path and len(known) > len(path) for known in OPTIONS)
    if has_commands and rest and rest[0].isalpha() and rest[0].islower():
        return f"{' '.join(path)} has no command {rest[0]}"
    return _wrong_options(rest, OPTIONS[path], " ".join(path))


def wrong_option(text: str) -> str:
    """Return what is wrong with an option that stands without its command; empty if nothing is."""
    words = text.split()
    wrong = [_wrong_options(words, options, "a command") for options in OPTIONS.values()]
    return min(wrong, key=len)


def _wrong_options(words: Sequence[str], options: Options, command: str) -> str:
    for word, value in pairwise((*words, "")):
        option = word.partition("=")[0]
        if word.startswith("--") and option not in options:
            return f"{command} has no option {option}"
        choices = options.get(option)
        if choices and value not in choices and not value.isupper():
            return f"{option} of {command} has no value {value}"
    return ""


def wrong_settings(text: str) -> str:
    """Return what is wrong with settings in TOML, of one section or of persona.toml; empty if nothing is."""
    values = tomllib.loads(text)
    if values.get("template", "chatml") not in BUILT_IN_TEMPLATES:
        return f"there is no template {values['template']}"
    for model in reversed(_MODELS):
        if not _error(model, values):
            return ""
    return _error(PersonaFile, values)


def _error(model: type[BaseModel], values: Mapping[str, object]) -> str:
    try:
        model.model_validate(values)
    except ValidationError as error:
        return str(error)
    return ""
