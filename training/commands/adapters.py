"""The commands on adapters: adopt, export, push, pull and convert."""

import argparse
import re
import shlex
import sys
from argparse import Namespace
from pathlib import Path
from typing import get_args

from bot import config
from bot.adapter.manifest import SpeakerNames
from bot.engine.runtime.environment import prepare_environment
from bot.system.progress_line import ProgressLine
from bot.system.user_path import user_path
from training.commands.types import Commands, Folder
from training.dataset.workspace import Workspace, open_workspace
from training.progress.display import SILENT, ProgressDisplay, open_display

_LOADING = "loading torch, transformers and PEFT"
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}

_WHEN: dict[SpeakerNames, str] = {
    "always": "before all words",
    "groups": "where several people speak, and else none",
    "never": "nowhere",
}


def add_adapter_commands(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add these commands to the command line."""
    _add_adopt(commands)
    _add_export(commands)
    _add_hub(commands)
    convert = commands.add_parser(
        "convert", help="make safetensors of LLaMA's own checkpoint, or the reverse"
    )
    convert.add_argument(
        "source", metavar="DIR", type=user_path, help="with consolidated.*.pth and params.json, or a model's"
    )
    convert.add_argument("target", metavar="DEST", type=user_path, help="a new folder")
    context = "positions of the model, which LLaMA's files do not say (default: %(default)s)"
    convert.add_argument("--context", metavar="TOKENS", type=_count, default=2048, help=context)
    shard = "size of a safetensors file (default: 5GB)"
    convert.add_argument("--max-shard-size", metavar="SIZE", type=file_size, default=5 * 10**9, help=shard)
    files = "files of LLaMA's checkpoint (default: %(default)s)"
    convert.add_argument("--files", metavar="N", type=_count, default=1, help=files)
    convert.set_defaults(command="convert")


def _add_adopt(commands: "Commands[argparse.ArgumentParser]") -> None:
    adopt = commands.add_parser("adopt", help="give a persona a LoRA adapter that was made elsewhere")
    where = "a folder, a file of weights (.safetensors, .bin, .pth, .pt), or OWNER/NAME on the hub"
    adopt.add_argument("adapter", metavar="ADAPTER", help=where)
    adopt.add_argument("--persona", metavar="NAME", required=True, help="the persona that gets the adapter")
    given = "the adapter_config.json of weights that have none beside them"
    adopt.add_argument("--adapter-config", metavar="FILE", type=user_path, help=given)
    alpha = "the lora_alpha of weights without a config: shapes tell the rest"
    adopt.add_argument("--alpha", metavar="NUMBER", type=_positive, help=alpha)
    names = "when speakers' names stood in its prompts (default: as its manifest says, else groups)"
    adopt.add_argument("--names", choices=get_args(SpeakerNames), help=names)
    adopt.set_defaults(command="adopt")


def _add_export(commands: "Commands[argparse.ArgumentParser]") -> None:
    export = commands.add_parser("export", help="write a persona's adapter for other programs")
    target = "a folder, or a file for gguf; a new one"
    export.add_argument("target", metavar="DEST", type=user_path, help=target)
    export.add_argument("--persona", metavar="NAME", required=True, help="the persona with the adapter")
    formats = (
        "an adapter for PEFT, a whole model for transformers, an adapter for llama.cpp, or a folder for "
    )
    formats += "Ollama (Modelfile and model)"
    names = ("peft", "merged", "gguf", "ollama")
    export.add_argument("--format", choices=names, required=True, help=formats)
    other = "an adapter other than the persona's own: a run, a checkpoint, any folder of PEFT's"
    export.add_argument("--adapter", metavar="DIR", type=user_path, help=other)
    export.add_argument("--merged", action="store_true", help="with gguf: the whole model instead")
    dtype = (
        "dtype of the weights (default: %(default)s, exactly); q8_0 and q4_0 for whole models in gguf and "
    )
    dtype += "ollama; q4_k where the library gguf writes it"
    dtypes = ("f32", "f16", "q8_0", "q4_0", "q4_k")
    export.add_argument("--dtype", choices=dtypes, default="f32", help=dtype)
    shard = "with merged: the size of a file, such as 2GB"
    export.add_argument("--max-shard-size", metavar="SIZE", type=file_size, default=0, help=shard)
    export.set_defaults(command="export")


def _add_hub(commands: "Commands[argparse.ArgumentParser]") -> None:
    push = commands.add_parser("push", help="put a persona's adapter on the hub, with a model card")
    pull = commands.add_parser("pull", help="give a persona the adapter that `push` put on the hub")
    for command in (push, pull):
        command.add_argument("name", metavar="OWNER/NAME", help="the repository on the hub")
    push.add_argument("--persona", metavar="NAME", required=True, help="the persona with the adapter")
    pull.add_argument("--persona", metavar="NAME", required=True, help="the persona that gets the adapter")
    other = "an adapter other than the persona's own"
    push.add_argument("--adapter", metavar="DIR", type=user_path, help=other)
    yes = "yes, the people whose words it learned have agreed; without it nothing is sent"
    push.add_argument("--yes", action="store_true", help=yes)
    push.add_argument("--public", action="store_true", help="let everybody read it; else you alone can")
    push.set_defaults(command="push")
    pull.set_defaults(command="pull")


def adopt(options: Namespace, folder: Folder) -> str:
    """Give the persona an adapter from elsewhere; return the message for the terminal."""
    prepare_environment()
    persona = folder(options)
    with open_display() as display:
        with display.stage(_LOADING):
            from training.adapters.adopt import adopt_adapter
            from training.adapters.foreign import ConfigGaps
            from training.adapters.install import kept_line

        workspace = _open(options, persona, display)
        gaps = ConfigGaps(options.adapter_config, options.alpha)
        with display.stage("checking and writing the adapter"):
            adopted = adopt_adapter(workspace, options.adapter, gaps, options.names)
    lines = [
        f"{workspace.persona.key} has the adapter of {options.adapter} in {adopted.home}",
        f"it was made for {adopted.base or 'a base model that it does not name'}",
        adopted.left_out,
        "what it was trained with, other than its base model, is not known and not compared",
        f"its prompts have speakers' names {_WHEN[adopted.names]} (--names {adopted.names})",
        f"{_next(workspace)}{kept_line(adopted.home)}",
    ]
    return "\n".join(filter(None, lines))


def export(options: Namespace, folder: Folder) -> str:
    """Write an adapter in another format; return the message for the terminal."""
    prepare_environment()  # no bars of other libraries
    persona = folder(options)
    with open_display() as display:
        with display.stage(_LOADING):
            from training.adapters.export import ExportOptions, export_adapter

        chosen = ExportOptions(options.merged, options.dtype, options.adapter, options.max_shard_size)
        workspace = _open(options, persona, display)
        with display.stage(f"writing {options.target}"):
            return export_adapter(workspace, options.format, options.target, chosen)


def push(options: Namespace, folder: Folder) -> str:
    """Put an adapter on the hub; return the message for the terminal."""
    prepare_environment()
    from training.adapters.push import PushOptions, push_adapter  # loads torch

    chosen = PushOptions(options.yes, options.public, options.adapter)
    return push_adapter(_open(options, folder(options)), options.name, chosen)


def pull(options: Namespace, folder: Folder) -> str:
    """Give the persona an adapter of the hub; return the message for the terminal."""
    prepare_environment()
    from training.adapters.install import kept_line  # loads torch
    from training.adapters.pull import pull_adapter

    workspace = _open(options, folder(options))
    home = pull_adapter(workspace, options.name)
    has = f"{workspace.persona.key} has the adapter of {options.name} in {home}"
    return f"{has}\n{_next(workspace)}{kept_line(home)}"


def convert(options: Namespace) -> str:
    """Convert a LLaMA model; return the message for the terminal."""
    from training.adapters.convert import ConvertOptions, convert_model  # loads torch

    chosen = ConvertOptions(options.context, options.max_shard_size, options.files)
    with ProgressLine(sys.stderr) as progress:
        return convert_model(options.source, options.target, chosen, progress.show)


def _open(options: Namespace, persona: Path, display: ProgressDisplay = SILENT) -> Workspace:
    return open_workspace(config.load_config(options.config), persona, display)


def _next(workspace: Workspace) -> str:
    key = workspace.persona.key
    return (
        f"Next: python -m bot chat --persona {shlex.quote(key)}, or /persona reload where the bot is running"
    )


def file_size(text: str) -> int:
    """Return the bytes of a size such as 2GB or 500MB."""
    match = re.fullmatch(r"([0-9]{1,6})(KB|MB|GB)", text.strip().upper())
    if match is None or not int(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no size: write it as 2GB or 500MB")
    return int(match[1]) * _UNITS[match[2]]


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 24:
        raise argparse.ArgumentTypeError(f"{text!r} is no count: write a whole number above 0")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 65_536:
        raise argparse.ArgumentTypeError(f"{text!r} is no strength: write a number above 0")
    return number
