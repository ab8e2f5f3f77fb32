"""Fields of log records about an error, without the error's own text, which may quote a prompt."""

import traceback


def error_fields(error: BaseException) -> dict[str, str]:
    """Return kind and stack of an error, for `extra` of a log call."""
    return {"error": type(error).__name__, "stack": "".join(traceback.format_tb(error.__traceback__))}
