"""The commands `adopt` and `export`: a LoRA adapter from elsewhere, and a persona's adapter for elsewhere."""

import argparse
from argparse import Namespace
from pathlib import Path
from typing import get_args

from bot import config
from bot.adapter.manifest import SpeakerNames
from training.commands.types import Commands, Folder
from training.dataset.workspace import open_workspace

_WHEN: dict[SpeakerNames, str] = {
    "always": "before all words",
    "groups": "where several people speak, and else none",
    "never": "nowhere",
}


def add_adapter_commands(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add `adopt` and `export` to the command line."""
    adopt = commands.add_parser("adopt", help="give a persona a LoRA adapter that was made elsewhere")
    adopt.add_argument("folder", metavar="DIR", type=Path, help="with adapter_config.json and its weights")
    adopt.add_argument("--persona", metavar="P", required=True, help="the persona that gets the adapter")
    names = "when speakers' names stood in its prompts (default: as its manifest says, else groups)"
    adopt.add_argument("--names", choices=get_args(SpeakerNames), help=names)
    adopt.set_defaults(command="adopt")
    export = commands.add_parser("export", help="write a persona's adapter for other programs")
    export.add_argument("target", metavar="DEST", type=Path, help="a folder, or a file for gguf; a new one")
    export.add_argument("--persona", metavar="P", required=True, help="the persona with the adapter")
    formats = "an adapter for PEFT, a whole model for transformers, or an adapter for llama.cpp"
    export.add_argument("--format", choices=("peft", "merged", "gguf"), required=True, help=formats)
    export.add_argument("--merged", action="store_true", help="with gguf: the whole model instead")
    dtype = "dtype of the weights of merged and gguf (default: %(default)s, exactly)"
    export.add_argument("--dtype", choices=("f32", "f16"), default="f32", help=dtype)
    export.set_defaults(command="export")


def adopt(options: Namespace, folder: Folder) -> str:
    """Give the persona an adapter from elsewhere; return the message for the terminal."""
    from training.adapters.adopt import adopt_adapter  # loads torch
    from training.adapters.install import kept_line

    persona = folder(options)
    workspace = open_workspace(config.load_config(options.config), persona)
    adopted = adopt_adapter(workspace, options.folder, options.names)
    return (
        f"{persona.name} has the adapter of {options.folder} in {adopted.home}\n"
        f"it was made for {adopted.base or 'a base model that it does not name'}\n"
        "what it was trained with, other than its base model, is not known and not compared\n"
        f"its prompts have speakers' names {_WHEN[adopted.names]} (--names {adopted.names})\n"
        f"Next: python -m bot chat --persona {persona.name}, or /persona reload where the bot is running"
        f"{kept_line(adopted.home)}"
    )


def export(options: Namespace, folder: Folder) -> str:
    """Write the persona's adapter in another format; return the message for the terminal."""
    from training.adapters.export import export_adapter  # loads torch

    workspace = open_workspace(config.load_config(options.config), folder(options))
    return export_adapter(
        workspace, options.format, options.target, merged=options.merged, dtype=options.dtype
    )
