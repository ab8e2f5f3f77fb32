"""Failures of the hub by kind, so that whoever fetches or sends says what to do in their own words."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from bot.engine.checkpoint.hub_compat import network_errors
from bot.errors import UserError

# its terms were not accepted; there is no such repository, or it is private; the token was refused; the disk
# is full; there was no answer, or a strange one
HubFailure = Literal["terms", "missing", "token", "disk", "unreachable"]


@contextmanager
def hub_failures(explain: Callable[[HubFailure, str], str]) -> Iterator[None]:
    """Raise `UserError` for whatever the hub, the network or the disk refuses.

    `explain` returns the sentence for a failure and its detail, which the libraries tell.
    """
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    broken: tuple[type[Exception], ...] = (*network_errors(), ValueError)
    try:
        yield
    except UserError:
        raise
    except OfflineModeIsEnabled as error:
        raise UserError(explain("unreachable", "HF_HUB_OFFLINE is set")) from error
    except HfHubHTTPError as error:
        raise UserError(explain(*_refusal(error))) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UserError(explain("disk", str(error.strerror))) from error
        raise UserError(explain("unreachable", " ".join(str(error).split())[:200])) from error
    except broken as error:
        raise UserError(explain("unreachable", type(error).__name__)) from error


def _refusal(error: Any) -> tuple[HubFailure, str]:
    """Return the kind of an answer that is no success, and its detail."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    status = getattr(getattr(error, "response", None), "status_code", "no status")
    detail = f"{type(error).__name__}, {status}"
    if isinstance(error, GatedRepoError):
        return "terms", detail
    if isinstance(error, RepositoryNotFoundError):
        return "missing", detail
    return ("token" if status in (401, 403) else "unreachable"), detail
