"""Errors of a model inside a request: their message to the person, their log record, and memory freed."""

import gc
import logging

import torch

from bot.engine.runtime.log_fields import error_fields
from bot.errors import UserError

logger = logging.getLogger(__name__)


def explain_failure(error: BaseException) -> BaseException:
    """Log an error inside a request and return the error to raise to the caller.

    Out of memory becomes a `UserError` and frees memory; other errors are returned as they are. The log gets
    kind and stack alone: an error's own text may quote a prompt.
    """
    logger.error("request_failed", extra=error_fields(error))
    if not is_out_of_memory(error):
        return error
    error.__traceback__ = None  # it holds the request's tensors
    free_memory()
    return UserError(
        "There is not enough memory for this request: try a shorter message, or a smaller context."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on any device."""
    words = ("not enough memory", "can't allocate memory", "out of memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)
    )


def free_memory() -> None:
    """Free tensors of a failed request, on the GPU too."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
