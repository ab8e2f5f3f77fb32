"""LoRA adapters on the hub: their few files are fetched into its cache, and no other file."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from bot.adapter.files import CONFIG, MANIFEST, WEIGHTS
from bot.engine.checkpoint.hub_failures import HubFailure, hub_failures
from bot.engine.checkpoint.hub_files import HubFile, fetch_large, look_up
from bot.engine.lora.weights import MLX, PICKLED
from bot.errors import UserError
from bot.system.console import write_line
from bot.system.progress_line import ProgressLine
from bot.system.user_path import user_path
from training.adapters.source import CHECKPOINTS, is_hub_name

_WEIGHTS = (WEIGHTS, MLX, PICKLED, CHECKPOINTS[0])  # the first that is there is fetched
_SHOWN = 8  # files of a repository that an error names
_LOG_IN = "run `hf auth login` or set HF_TOKEN to a token that may {}"


def local_adapter(given: str | Path) -> Path:
    """Return the path of an adapter: the given one, or a folder of the hub's cache for a text OWNER/NAME.

    Raises `UserError` where the hub cannot be reached or has no such adapter.
    """
    if isinstance(given, Path):
        return given
    return fetch_adapter(given) if is_hub_name(given) else user_path(given)


def fetch_adapter(name: str) -> Path:
    """Fetch an adapter's files from the hub; return their folder. Raises `UserError`.

    What was fetched until an error is not fetched again.
    """
    from huggingface_hub import snapshot_download

    with hub_errors(name, "read"), ProgressLine(sys.stderr) as progress:
        if not sys.stderr.isatty():
            write_line(f"fetching {name} from the hub", sys.stderr)
        repository = look_up(name)
        files = _wanted(name, repository.files)
        fetch_large(repository, files, name, progress.show)
        names = [file.name for file in files]
        return Path(snapshot_download(name, revision=repository.commit, allow_patterns=names))


def _wanted(name: str, files: Sequence[HubFile]) -> list[HubFile]:
    """Return the files of an adapter; raises `UserError` for a repository without one."""
    there = {file.name: file for file in files}
    weights = next((each for each in _WEIGHTS if each in there), None)
    if weights is None:
        shown = ", ".join(list(there)[:_SHOWN]) or "nothing"
        raise UserError(
            f"{name} on the hub holds no LoRA adapter ({WEIGHTS} or {PICKLED}), but {shown}: spell the name "
            "as on its page, and set [model] name for a base model."
        )
    return [there[each] for each in (CONFIG, MANIFEST, weights) if each in there]


def hub_errors(name: str, right: str) -> AbstractContextManager[None]:
    """Raise `UserError` for whatever the hub refuses; `right` is what a token must allow: read or write."""
    return hub_failures(partial(_explain, name, right))


def _explain(name: str, right: str, failure: HubFailure, detail: str) -> str:
    """Return why the hub gave or took nothing, and what to do."""
    log_in = _LOG_IN.format(right)
    if failure == "terms":
        return (
            f"The hub gives {name} only to people who accepted its terms: accept them on its page, {log_in}, "
            "and run the same command again."
        )
    if failure == "missing":
        return (
            f"There is no folder or file {name} here, and the hub has no {name}, or keeps it private: spell "
            f"the name as on its page; for a private one {log_in}."
        )
    if failure == "token":
        return f"The hub refused the token for {name}: {log_in}."
    if failure == "disk":
        return f"{name} does not fit on the disk ({detail}): make room, or let HF_HOME name another disk."
    return (
        f"The hub did not answer for {name} ({detail}): go online and run the same command again, or name a "
        "folder or a file here."
    )
