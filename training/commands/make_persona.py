"""The persona that `make` makes: its settings, folder and card."""

import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from bot import config
from bot.config import Config, ModelSettings
from bot.errors import UserError
from bot.files import write_private
from bot.persona import new_folder
from bot.persona.new_folder import NewCard
from bot.persona.persona import has_card, load_persona
from bot.system.console import write_line
from bot.system.ownership import check_owners
from training.commands.card_draft import card_name, draft_card, read_writing, split_sentences
from training.commands.questions import ask
from training.progress.display import ProgressDisplay
from training.tokenization.preview import COLOURS

_SETTINGS = f"""\
# Settings of alterego, made by `python -m training make`. docs/operations.md has every key, and
# `python -m bot models` lists base models.

[model]
name = "{ModelSettings().name}"
"""
_LOCK = "messages.jsonl.lock"
_QUESTION = (
    "Enter takes it. Or type your own, in one line of up to three sentences: who they are, how they speak, "
    "where you meet.\n> "
)


def open_settings(path: Path | None) -> Config:
    """Return the settings; where there are none and none are named, write new ones."""
    file = config.default_file()
    if path is None and not file.exists():
        write_private(file, [_SETTINGS.encode()])
        tell(f"settings   {file} is new, with the base model {ModelSettings().name}")
    return config.load_config(path)


def begin_persona(options: Namespace, personas: Path) -> None:
    """Check the persona's name and a card that is named, and make the folder where its card is known.

    Raises `UserError` for a name that cannot be had, or a card that cannot be used.
    """
    key, folder = options.persona, personas / options.persona
    new_folder.check_key(personas, key)
    card = new_folder.read_new_card(options.card.expanduser()) if options.card is not None else None
    if has_card(folder):
        check_owners(folder)
        if card is not None:
            _check_card(options, folder, card)
    else:
        if not folder.is_dir():
            new_folder.check_free(new_folder.cast_of(personas), key)
        if card is not None:
            _make_persona(personas, key, card)


def finish_persona(options: Namespace, personas: Path, display: ProgressDisplay) -> None:
    """Write the card of a new persona: as it was typed, or drafted from what the person wrote."""
    key, work = options.persona, personas / options.persona / "work"
    if has_card(work.parent):
        return
    with display.stage("drafting the card"):
        writing = read_writing(work)
        if not writing.messages:
            raise UserError(
                "The persona wrote nothing in these exports: give those in which they write, or say who they "
                "are with --me NAME_OR_ID."
            )
        name, draft = card_name(writing, key), draft_card(work, writing, key)
    typed = options.describe
    if typed is None and not (options.draft or options.yes):
        tell("\n".join([f"The card of {name}, drafted from what they wrote:", *_card_lines(draft)]))
        typed = ask(_QUESTION, "--describe TEXT, --draft or --card FILE")
    _make_persona(personas, key, new_folder.write_card(name, split_sentences(typed or "", draft)))


def likely_names(folder: Path) -> list[str]:
    """Return the names by which the persona of a folder may stand in an export.

    Raises `UserError` for a card that is broken.
    """
    if not has_card(folder):
        return [folder.name]
    persona = load_persona(folder)
    return [persona.key, persona.name, persona.card.name, *persona.names]


def remove_empty(folder: Path) -> None:
    """Remove a persona's folder that holds nothing but the lock of an import which failed."""
    work = folder / "work"
    if not folder.is_dir() or {path.name for path in folder.iterdir()} != {work.name}:
        return
    if {path.name for path in work.iterdir()} <= {_LOCK}:
        (work / _LOCK).unlink(missing_ok=True)
        work.rmdir()
        folder.rmdir()


def tell(text: str) -> None:
    """Write a step's lines to standard output, at once."""
    write_line(text, colours=COLOURS)
    sys.stdout.flush()


def _make_persona(personas: Path, key: str, card: NewCard) -> None:
    folder = new_folder.make_persona(personas, key, card)
    tell(f"persona    {folder}: write more into {card.name} and persona.toml at any time")


def _check_card(options: Namespace, folder: Path, card: NewCard) -> None:
    """Raise `UserError` where the folder's card is not the one that the command line names."""
    persona = load_persona(folder)
    if card.card != persona.card:
        raise UserError(
            f"The name {options.persona!r} is taken by {persona.name}, with another card than "
            f"{options.card}: choose another --persona, or leave --card out to go on with this one."
        )


def _card_lines(draft: Mapping[str, str]) -> list[str]:
    return [f"  {field:<12} {text}" for field, text in draft.items()]
