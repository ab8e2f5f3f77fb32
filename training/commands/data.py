"""The commands on a persona's data: build, preview and forget."""

import argparse
import shlex
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bot import config
from bot.adapter.folders import OTHERS
from bot.errors import UserError
from bot.system.console import json_text
from training.commands import forget as forgetting
from training.commands.build import build_data, describe_build, describe_lengths
from training.commands.types import Commands, Folder
from training.dataset.selection import DEFAULT_LIMITS, Limits
from training.dataset.splits import TRAIN
from training.dataset.staleness import read_current_build
from training.dataset.workspace import BUILD_RECORD, BuildRecord, Workspace, open_workspace, read_build_record
from training.progress.display import ProgressDisplay, open_display
from training.tokenization import cache
from training.tokenization.preview import PreviewPage, spread_examples


def add_data_commands(commands: "Commands[argparse.ArgumentParser]") -> None:
    """Add these commands to the command line."""
    build = commands.add_parser("build", help="make examples of what was imported")
    build.add_argument("--persona", metavar="NAME", required=True, help="whose words are to be learned")
    window = "tokens of a prompt and its answer together (default: what holds nearly all conversations)"
    build.add_argument("--window", metavar="TOKENS", type=int, default=0, help=window)
    cap = "examples of one chat at most, the newest ones; 0 is no limit (default: %(default)s)"
    build.add_argument("--cap", metavar="COUNT", type=int, default=DEFAULT_LIMITS.per_chat, help=cap)
    near = (
        "the share of common letters from which two long answers to one question are nearly the same, or off"
    )
    build.add_argument(
        "--near-duplicates", metavar="SHARE", default="0.8", help=f"{near} (default: %(default)s)"
    )
    again = "times that one question with one long answer is learned, or off (default: %(default)s)"
    build.add_argument("--repeats", metavar="COUNT", default="1", help=again)
    explain = "show each pair of examples that was compared for repetition, with the verdict"
    build.add_argument("--explain", action="store_true", help=explain)
    held = (
        "answers that are held out to measure with, the newest ones: a count such as 200, or a share such as "
    )
    held += "0.1; 0 is none (default: a tenth)"
    build.add_argument(
        "--test-size", metavar="COUNT|SHARE", type=_test_size, default=DEFAULT_LIMITS.test_size, help=held
    )
    build.add_argument("--json", action="store_true", help="the result as JSON")
    build.set_defaults(command="build")
    preview = commands.add_parser("preview", help="show examples, with what is learned in colour")
    preview.add_argument("--persona", metavar="NAME", required=True, help="whose data")
    preview.add_argument("--count", metavar="N", type=int, default=5, help="how many (default: %(default)s)")
    preview.set_defaults(command="preview")
    command = commands.add_parser("forget", help="take an author's words out of the data")
    command.add_argument("author", metavar="AUTHOR", help="an id, platform/id, or a name")
    whose = command.add_mutually_exclusive_group(required=True)
    whose.add_argument("--persona", metavar="NAME", help="out of this persona's data")
    whose.add_argument("--all", action="store_true", help="out of all personas' data")
    command.set_defaults(command="forget")


def _test_size(text: str) -> float:
    """Return a count or a share, given as 200, 0.1 or 10%; argparse tells of `ArgumentTypeError`."""
    wanted = f"{text!r} is no size: write a count such as 200, a share such as 0.1 or 10%, or 0 for none"
    try:
        size = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise argparse.ArgumentTypeError(wanted) from None
    is_share, is_count = 0 <= size < 1, size >= 1 and size.is_integer() and not text.endswith("%")
    if not (is_share or is_count):
        raise argparse.ArgumentTypeError(wanted)
    return size


def build(options: Namespace, folder: Folder) -> str:
    if options.cap < 0:
        raise UserError(f"A cap of {options.cap} is not possible: say how many examples, or 0 for no limit.")
    judged = list[str]()
    explain = judged.append if options.explain else None
    persona = folder(options)
    with open_display() as display:
        record = run_build(options, _open(options, persona, display), display, explain)
    if options.json:
        built = msgspec.to_builtins(record)
        return json_text({**built, "judged": judged} if options.explain else built)
    return "\n".join((*judged, describe_build(record, options.persona)))


def _near_duplicates(value: str) -> float | None:
    """Return --near-duplicates. Raises `UserError` for anything but a share and "off"."""
    if value == "off":
        return None
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise UserError(f"--near-duplicates {value} is not possible: say a share such as 0.8, or off.")
    return share


def _repeats(value: str) -> int:
    """Return --repeats, 0 for "off". Raises `UserError` for anything but a count and "off"."""
    if value == "off":
        return 0
    if not (value.isascii() and value.isdecimal() and 0 < int(value) < 1 << 31):
        raise UserError(f"--repeats {value} is not possible: say how many times, or off.")
    return int(value)


def build_limits(options: Namespace) -> Limits:
    """Return the limits that the options of `build` set."""
    return Limits(
        options.cap,
        near_duplicates=_near_duplicates(options.near_duplicates),
        repeats=_repeats(options.repeats),
        test_size=options.test_size,
    )


def run_build(
    options: Namespace,
    workspace: Workspace,
    display: ProgressDisplay,
    explain: Callable[[str], None] | None = None,
) -> BuildRecord:
    """Build the data as the options say."""
    return build_data(workspace, options.window, build_limits(options), explain, display)


def preview(options: Namespace, folder: Folder) -> str:
    persona = folder(options)
    with open_display() as display, TemporaryDirectory() as scratch:
        return preview_text(_open(options, persona, display), options.count, display, Path(scratch))


def preview_text(
    workspace: Workspace, count: int, display: ProgressDisplay, scratch: Path | None = None
) -> str:
    """Return so many examples as the model reads them, and the lengths of all.

    `scratch`: as of `open_encoded`.
    """
    with display.stage("reading the examples"):
        record = read_current_build(workspace.work)
        serving, window = workspace.serving(record.window), record.window
        path = cache.open_encoded(workspace.work, TRAIN, serving, workspace.model, window, scratch)
        page = PreviewPage(workspace.model.tokenizer, workspace.model.definition, colours=sys.stdout.isatty())
        shown = [page.render(example) for example in spread_examples(list(cache.read_encoded(path)), count)]
    return "\n".join([*(f"{text}\n{'─' * 40}" for text in shown), describe_lengths(record)])


def forget(options: Namespace, folder: Folder) -> str:
    """Erase an author's words from the data of one persona, or of all."""
    if not options.all:
        return _forget_in(options, folder(options))
    reports, failed = list[str](), False
    for path in sorted(config.load_config(options.config).personas.glob("*/work/")):
        try:
            reports.append(_forget_in(options, path.parent))
        except UserError as error:
            failed |= not isinstance(error, forgetting.UnknownAuthor)
            reports.append(f"{path.parent.name}: {error}")
    if failed:
        raise UserError("\n".join(["Not everything is done:", *reports]))
    return "\n".join(reports) or "No persona has data."


def _forget_in(options: Namespace, folder: Path) -> str:
    with open_display() as display, display.stage("erasing what was made of messages, and the words"):
        forgotten = forgetting.forget(folder, options.author)
    work = folder / "work"
    lines = [f"{folder.name}: {forgotten.messages:,} messages of {options.author} erased"]
    if (work / BUILD_RECORD).exists():
        try:
            lines.append(_build_again(options, folder))
        except UserError as error:
            lines.append(f"the data that were made of them are erased too, but were not built again: {error}")
            raise UserError("\n".join([*lines, *_name_adapters(forgotten, folder)])) from None
    forgetting.finish_forgetting(work)
    return "\n".join([*lines, *_name_adapters(forgotten, folder)])


def _build_again(options: Namespace, folder: Path) -> str:
    """Build a persona's data as they were built before; return a line about them."""
    with open_display() as display:
        workspace = _open(options, folder, display)
        before = read_build_record(workspace.work)
        limits = Limits(
            before.per_chat,
            near_duplicates=before.near_duplicates,
            repeats=before.repeats,
            test_size=before.test_size,
        )
        record = build_data(workspace, before.window, limits, display=display)
    return f"the data were built again: {sum(record.train.values()):,} examples to learn"


def _name_adapters(forgotten: forgetting.Forgotten, folder: Path) -> list[str]:
    """Return a line for each adapter that holds a forgotten author's words, and the next command."""
    lines = [f"this adapter was trained on their words: {path.parent}" for path in forgotten.adapters]
    if any(path.parent.parent == folder / OTHERS for path in forgotten.adapters):
        lines.append("train replaces the adapter of the base model in config.toml alone: delete the others")
    if forgotten.adapters:
        lines.append(
            f"Next: python -m training train --persona {shlex.quote(folder.name)}, or delete the adapter"
        )
    return lines


def _open(options: Namespace, folder: Path, display: ProgressDisplay) -> Workspace:
    return open_workspace(config.load_config(options.config), folder, display)
