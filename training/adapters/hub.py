"""LoRA adapters on the hub: their few files are fetched into its cache, and no other file."""

import errno
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.adapter.files import CONFIG, MANIFEST, WEIGHTS
from bot.engine.checkpoint.hub_compat import network_errors
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


@contextmanager
def hub_errors(name: str, right: str) -> Iterator[None]:
    """Raise `UserError` for whatever the hub refuses; `right` is what a token must allow: read or write."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    broken: tuple[type[Exception], ...] = (*network_errors(), ValueError)
    try:
        yield
    except UserError:
        raise
    except OfflineModeIsEnabled as error:
        raise _unreachable(name, "HF_HUB_OFFLINE is set") from error
    except HfHubHTTPError as error:
        raise _refused(name, right, error) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UserError(
                f"{name} does not fit on the disk ({error.strerror}): make room, or set HF_HOME to a folder "
                "on another disk."
            ) from error
        raise _unreachable(name, " ".join(str(error).split())[:200]) from error
    except broken as error:
        raise _unreachable(name, type(error).__name__) from error


def _unreachable(name: str, reason: str) -> UserError:
    return UserError(
        f"The hub did not answer for {name} ({reason}): go online and run the same command again, or name a "
        "folder or a file here."
    )


def _refused(name: str, right: str, error: Any) -> UserError:
    """Return the error to raise for an answer of the hub that is no success."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    status = getattr(getattr(error, "response", None), "status_code", 0)
    log_in = _LOG_IN.format(right)
    if isinstance(error, GatedRepoError):
        return UserError(
            f"The hub gives {name} only to people who accepted its terms: accept them on its page, {log_in}, "
            "and run the same command again."
        )
    if isinstance(error, RepositoryNotFoundError):
        return UserError(
            f"There is no folder or file {name} here, and the hub has no {name}, or keeps it private: spell "
            f"the name as on its page; for a private one {log_in}."
        )
    if status in (401, 403):
        return UserError(f"The hub refused the token for {name}: {log_in}.")
    return _unreachable(name, f"{type(error).__name__}, {status}")
