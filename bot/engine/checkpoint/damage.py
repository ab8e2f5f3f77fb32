"""Sentences about damaged files of a base model, for what a library raises about them."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.errors import UserError

_LONGEST = 200  # characters of a library's words


@contextmanager
def explained_damage(what: str) -> Iterator[None]:
    """Raise `UserError` about `what`, the file or its part, in place of any error of a library that reads it.

    A library may raise anything for a damaged file, from KeyError to ZeroDivisionError.
    """
    try:
        yield
    except Exception as error:
        raise explain_damage(what, error) from error


def explain_damage(what: str, error: Exception) -> UserError:
    """Return the error to raise for a file that a library could not read."""
    if isinstance(error, UserError):
        return error
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:_LONGEST]}"
    return UserError(
        f"{what} could not be loaded ({reason}): "
        "copy or download the model again, or choose another [model] name."
    )
